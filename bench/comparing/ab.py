"""Two programs on one device in one session, in turns: what the device does, it does to both.

Base and candidate of a case are measured one right after the other, and which of them goes first
changes from round to round (A B, B A, A B, ...), so that drift favours neither. The two runs are
kept as any others, marked as one session; comparing them compares round by round.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from bench.pipeline import (
    Plan,
    failure,
    header_of,
    lower_pairs,
    measure_case,
    prepare_references,
    profile_pairs,
)
from bench.progress import Progress, Show
from bench.results import Case, Outcome, Run
from bench.rows import assemble, case_fields
from bench.scoring import pair_fields
from bench.stores.journal import Journal
from bench.stores.store import Place, Store, open_store
from devices.base import Device, DeviceInfo
from lowering.artifact import Artifact

Artifacts = Mapping[tuple[str, str], Artifact]


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        plan: What to measure; both sides have equally many cases, in the same order.
        artifacts: The .pte by scheme and backend; None to lower what the plan names.
        commit: Of the code that lowered them; empty for the code that runs.
    """

    plan: Plan
    artifacts: Artifacts | None = None
    commit: str = ""


def run_in_turns(
    base: Side,
    candidate: Side,
    device: Device,
    results: Place,
    show: Show,
    *,
    kept: Callable[[Run], None] = lambda _: None,
) -> tuple[Run, Run]:
    """Measure two sides in turns.

    What is measured in turns cannot be resumed, since the device has changed in between. Where it
    is cut short by an error or by Ctrl-C, what was measured is therefore kept as two runs at once.

    Args:
        base: What to compare with.
        candidate: What to compare.
        device: On what.
        results: Where runs are kept.
        show: Is told of progress.
        kept: Is told of each run that was kept, also where an error follows.
    """
    session = secrets.token_hex(8)
    store, info = open_store(results), device.info()
    sides = base, candidate
    with contextlib.ExitStack() as stack:
        stack.enter_context(device.claim())
        journals = [begin(store, side, info, session) for side in sides]
        for journal in journals:
            stack.enter_context(contextlib.closing(journal))
        try:
            for side in sides:
                prepare_references(side.plan, show)
            artifacts = [
                ready(side, journal, show) for side, journal in zip(sides, journals, strict=True)
            ]
            plans = base.plan, candidate.plan
            measure_in_turns(plans, artifacts, journals, device, show)
            for plan, found, journal in zip(plans, artifacts, journals, strict=True):
                profile_pairs(plan, device, found, journal, show)
        except BaseException:
            if any(has_repeats(journal) for journal in journals):
                finish(store, journals, kept)
            raise
        finished = finish(store, journals, kept)
    return finished[0], finished[1]


def finish(store: Store, journals: Sequence[Journal], kept: Callable[[Run], None]) -> list[Run]:
    """Keep both runs as they are."""
    runs = [assemble(journal.entries()) for journal in journals]
    for journal, run in zip(journals, runs, strict=True):
        store.finish(journal, run)
        kept(run)
    return runs


def has_repeats(journal: Journal, case: Case | None = None) -> bool:
    """Whether anything, or a case, was measured."""
    return any(
        entry["kind"] == "repeat" and (case is None or entry["case"] == case_fields(case))
        for entry in journal.entries()
    )


def begin(store: Store, side: Side, info: DeviceInfo, session: str) -> Journal:
    """Start the run of one side."""
    header = header_of(side.plan, info)
    commit = side.commit or header.commit
    header = replace(header, session=session, commit=commit, made_by="ab")
    return store.begin(header, side.plan.tag)


def ready(side: Side, journal: Journal, show: Show) -> Artifacts:
    """Have the artifacts of a side, and note in its journal what they are."""
    if side.artifacts is None:
        return lower_pairs(side.plan, journal, show)
    for pair, artifact in side.artifacts.items():
        facts = {"pair": pair_fields(pair), "manifest": asdict(artifact.manifest)}
        journal.append("lowered", facts)
    return side.artifacts


def measure_in_turns(
    plans: tuple[Plan, Plan],
    artifacts: list[Artifacts],
    journals: list[Journal],
    device: Device,
    show: Show,
) -> None:
    """Measure every case of both sides once per round; where one side fails, both end."""
    cases = [
        pair
        for pair in zip(plans[0].cases(), plans[1].cases(), strict=True)
        if all((c.scheme, c.backend) in found for c, found in zip(pair, artifacts, strict=True))
    ]
    rounds = plans[0].schedule.repeats
    failed: set[tuple[Case, Case]] = set()
    for number in range(rounds):
        for position, pair in enumerate(cases):
            for side in turns(number):
                if pair in failed:
                    continue
                case, plan = pair[side], plans[side]
                artifact = artifacts[side][case.scheme, case.backend]
                if not measure_case(
                    plan, case, device, journals[side], number=number, artifact=artifact
                ):
                    failed.add(pair)
                    end_other(pair, journals, side)
                time.sleep(plan.schedule.cooldown_s)
            done = number * len(cases) + position + 1
            show(Progress("measure", done, rounds * len(cases), str(pair[1])))


def end_other(pair: tuple[Case, Case], journals: Sequence[Journal], failed: int) -> None:
    """Say why the case of the other side is not measured, where it has not been yet."""
    other = 1 - failed
    if not has_repeats(journals[other], pair[other]):
        reason = f"not measured, since {pair[failed]} failed, which it was to be compared with"
        entry = failure(pair[other], Outcome.UNFINISHED, reason)
        journals[other].append("failure", entry)


def turns(number: int) -> Iterator[int]:
    """Return which side goes first and which second in a round: 0 the base, 1 the candidate."""
    first = number % 2
    yield first
    yield 1 - first


def differing_parts(base: Plan, candidate: Plan) -> frozenset[str]:
    """Name the parts of cases that are not the same on both sides."""
    pairs = zip(base.cases(), candidate.cases(), strict=True)
    return frozenset(
        name for a, b in pairs for name in vars(a) if getattr(a, name) != getattr(b, name)
    )
