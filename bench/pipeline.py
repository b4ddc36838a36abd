"""The whole harness: from a plan to a run, every step of it in the order it happens."""

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.backend_options import BackendOptions
from bench.evidence import facts_from_json, facts_of
from bench.here import said_here
from bench.progress import Progress, Show
from bench.results import Case, Header, Outcome, Run
from bench.rows import assemble, case_fields, done_rounds
from bench.scoring import pair_fields, score_speech
from bench.stopping import rounds, settled
from bench.stores.journal import Journal
from bench.stores.store import Place, Store, open_store
from bench.warnings import TAINTS
from devices.base import Device, DeviceInfo, Job, Repeat
from devices.schedule import Schedule
from lowering.artifact import Artifact
from lowering.build import TIME_LIMIT_S, build_artifacts, build_references
from lowering.cache import ROOT, source_hash
from lowering.lower import LoweringSpec
from lowering.reference import ReferenceSpec, read_reference
from model.audio import write_audio
from model.choice import RANDOM, ModelChoice
from model.decoding import DEFAULT_PASSES, DecodingOptions, decoding_plan
from model.errors import (
    ConfigError,
    DeviceUnavailableError,
    HarnessError,
    ResultError,
    RunInterrupted,
    reason_of,
)
from model.utterance import Utterance, used_for

NEWEST = ""  # stands for the name of the newest unfinished run
CODE = ("model", "quantization", "lowering", "devices", "bench")  # what numbers depend on
# What must be the same to go on with a run, as messages call it.
SAME = {
    "commit": "commit",
    "code_sha256": "code (files were changed)",
    "session": "session of `bench ab`",
    "made_by": "command",
    "device": "device",
    "schedule": "schedule",
    "versions": "versions of packages",
    "model": "model",
    "passes": "passes",
    "utterances": "utterances",
    "cases": "cases",
    "quality": "quality",
}
REDONE_AT_MOST = 2  # times that a repeat on a hot or slowed device is discarded


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        device_name: As `--device` takes it; names the folder of results.
        choice: Model and codec.
        schemes: Entries of `SCHEMES`.
        backends: Entries of `BACKENDS`.
        utterances: What to say.
        schedule: How often.
        passes: Passes of the decoding plan.
        tag: Goes into the run's name.
        made_by: Command that measures it, where that is not `bench run`.
        excluded: Backends that do not apply to the device, with the reason.
        checked_here: Compare what the device says with what the same .pte says on this computer.
        member: Of a lab, which the device is; empty where there is no lab.
        sentences: What to say once more to be scored; nothing by default.
        scoring_workers: Where, as `bench.quality.engine.scoring_workers` takes it.
        backend_options: Compile options per backend that differ from their defaults.
    """

    device_name: str
    choice: ModelChoice
    schemes: tuple[str, ...]
    backends: tuple[str, ...]
    utterances: tuple[Utterance, ...]
    schedule: Schedule = field(default_factory=Schedule)
    passes: tuple[int, ...] = DEFAULT_PASSES
    tag: str = ""
    made_by: str = ""
    excluded: Mapping[str, str] = field(default_factory=dict)
    checked_here: bool = False
    member: str = ""
    sentences: tuple[Utterance, ...] = ()
    scoring_workers: str = "1"
    backend_options: BackendOptions = field(default_factory=dict)

    @property
    def options(self) -> DecodingOptions:
        """How codes are unmasked."""
        return DecodingOptions(plan=decoding_plan(self.passes))

    def utterance(self, name: str) -> Utterance:
        """Find an utterance of the plan."""
        return next(utterance for utterance in self.utterances if utterance.name == name)

    def reference(self, utterance: Utterance) -> ReferenceSpec:
        """Name the fp32 reference of an utterance."""
        return ReferenceSpec(self.choice, utterance, self.options)

    def lowering(self, scheme: str, backend: str) -> LoweringSpec:
        """Name the artifact of a scheme and a backend."""
        calibration = tuple(self.reference(utterance) for utterance in used_for("calibrate"))
        (verification,) = (self.reference(utterance) for utterance in used_for("verify"))
        options = self.backend_options.get(backend, ())
        return LoweringSpec(self.choice, scheme, backend, calibration, verification, options)

    def packages(self) -> dict[str, str]:
        """Versions of everything that shapes what is measured."""
        specs = [self.lowering(self.schemes[0], backend) for backend in self.backends]
        return {name: version for spec in specs for name, version in spec.packages().items()}

    def cases(self) -> tuple[Case, ...]:
        """List every case, utterance by utterance."""
        return tuple(
            Case(scheme, backend, utterance.name, self.choice.name, self.member)
            for utterance in self.utterances
            for backend in self.backends
            for scheme in self.schemes
        )


def run(
    plan: Plan, device: Device, results: Place, show: Show, *, resume: str | None = None
) -> Run:
    """Measure every case of a plan: the whole harness in seven steps.

    Args:
        plan: What to measure.
        device: On what.
        results: Where runs are kept, as `open_store` takes it.
        show: Is told of progress.
        resume: Go on with this unfinished run, which must be of the same plan, or with the device's
            newest one of the plan where it is `NEWEST`; None starts a run.

    Raises:
        RunInterrupted: Ctrl-C was pressed while it was measured.
    """
    store = open_store(results)
    header = header_of(plan, device.info())
    with device.claim(), open_journal(store, plan, header, resume=resume) as journal:
        prepare_references(plan, show)
        artifacts = lower_pairs(plan, journal, show)
        measure_rounds(plan, device, artifacts, journal, show)
        profile_pairs(plan, device, artifacts, journal, show)
        if plan.sentences:
            sentences = [plan.reference(sentence) for sentence in plan.sentences]
            score_speech(sentences, device, artifacts, journal, show, where=plan.scoring_workers)
        finished = assemble(journal.entries())
        store.finish(journal, finished)
    return finished


def header_of(plan: Plan, device: DeviceInfo) -> Header:
    """Write down the conditions of a run that starts now; the store will name it."""
    identity = plan.choice.identity()
    return Header(
        run="",
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        made_by=plan.made_by,
        commit=git_commit(),
        device=device,
        schedule=plan.schedule,
        versions=plan.packages(),
        model=identity,
        trained=identity["weights"] != RANDOM,
        passes=plan.passes,
        utterances=texts_of(plan.utterances),
        cases=plan.cases(),
        quality=texts_of(plan.sentences),
        code_sha256=source_hash(*CODE),
    )


def texts_of(utterances: Sequence[Utterance]) -> dict[str, dict[str, str]]:
    """Write down text, prompt and lexicon, where there is one, of some utterances by name."""
    return {
        u.name: {"text": u.text, "prompt": u.prompt.name}
        | ({"lexicon": f"{u.lexicon.name} {u.lexicon.sha256}"} if u.lexicon.entries else {})
        for u in utterances
    }


def git_commit() -> str:
    """Return the project's commit, with `+` where files were changed; empty outside a checkout."""
    return describe_commit()[0]


def describe_commit() -> tuple[str, str]:
    """Ask git for the project's commit.

    Returns:
        The commit, as `git_commit`, and why it is not known in a checkout.
    """
    if not (ROOT / ".git").exists():  # installed; a repository around it is another project's
        return "", ""
    # git refuses a checkout of another user's, as in a container, where programs in it might run;
    # this program is one of them, and runs already.
    trust = ["-c", f"safe.directory={ROOT}"]
    command = ["git", *trust, "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return "", f"git cannot be started: {reason_of(error)}"
    lines = said.stderr.strip().splitlines() or ["it says nothing"]
    return said.stdout.strip(), "" if said.returncode == 0 else f"git: {lines[0]}"


def why_no_commit(header: Header) -> str:
    """Say why a run does not name the project's commit; empty where it does, or need not."""
    why = "" if header.commit else describe_commit()[1]
    return f"The run does not name the commit it was made with: {why}" if why else ""


@contextlib.contextmanager
def open_journal(
    store: Store, plan: Plan, header: Header, *, resume: str | None
) -> Iterator[Journal]:
    """Start a journal, or find the one to go on with, and close it in the end.

    Raises:
        ConfigError: There is nothing to resume, or it was measured under other conditions.
        RunInterrupted: Ctrl-C was pressed meanwhile.
    """
    if resume is None:
        journal = store.begin(header, plan.tag)
    else:
        journal = find_unfinished(store, header, resume)
        journal.append("resumed", {"at": header.started_at})
    with contextlib.closing(journal):
        try:
            yield journal
        except KeyboardInterrupt:
            raise RunInterrupted(journal.run) from None


def find_unfinished(store: Store, header: Header, name: str) -> Journal:
    """Find the unfinished run to go on with.

    Args:
        store: Where runs are kept.
        header: The conditions of now.
        name: Of the run; `NEWEST` for the newest that was measured under these conditions.

    Raises:
        ConfigError: There is none.
    """
    unlike: list[str] = []

    def fits(journal: Journal) -> bool:
        try:
            why = differences(assemble(journal.entries()).header, header)
        except ResultError as error:
            why = str(error)
        if why:
            unlike.append(f"{journal.run}: {why}")
        return not why

    device = header.device.name
    journal = store.resume(device, fits, name)
    if journal is not None:
        return journal
    if unlike:
        raise ConfigError(
            f"no unfinished run of {device} can go on like this ({'; '.join(unlike)}): give the"
            " flags and check out the commit that it was started with, or start a new run without"
            " --resume"
        )
    if name:
        raise ConfigError(
            f"{name!r:.100} cannot go on: it is no unfinished run of {device}, or another process"
            " measures it; `bench list runs` names the unfinished ones"
        )
    raise ConfigError(f"nothing to resume: every run of {device} is finished, or under way")


def differences(before: Header, now: Header) -> str:
    """Say which conditions of a run are not those of now; nothing where all are."""
    named = [what for name, what in SAME.items() if getattr(before, name) != getattr(now, name)]
    if not before.code_sha256:  # an older version did not write it down
        named = [what for what in named if what != SAME["code_sha256"]]
    return f"it was measured with another {', '.join(named)}" if named else ""


def prepare_references(plan: Plan, show: Show, limit_s: float = TIME_LIMIT_S) -> None:
    """Have the fp32 model say everything once: requests, codes and waveforms to compare with.

    Args:
        plan: Names model and utterances.
        show: Is told of progress.
        limit_s: Wall seconds after which it is given up.
    """
    wanted = [plan.reference(utterance) for utterance in plan.utterances]
    wanted += [plan.reference(u) for use in ("calibrate", "verify") for u in used_for(use)]
    show(Progress("reference", 0, 1))
    build_references(wanted, limit_s)
    show(Progress("reference", 1, 1))


def lower_pairs(plan: Plan, journal: Journal, show: Show) -> dict[tuple[str, str], Artifact]:
    """Lower every pair of scheme and backend; what cannot be is a reason in the journal.

    Raises:
        ConfigError: The run was begun with another .pte.
    """
    pairs = [(scheme, backend) for backend in plan.backends for scheme in plan.schemes]
    specs = {pair: plan.lowering(*pair) for pair in pairs}
    refused = {
        pair: plan.excluded.get(spec.backend) or spec.refused() for pair, spec in specs.items()
    }
    for pair, reason in refused.items():
        if reason:
            journal.append("failure", failure(pair, Outcome.SKIPPED, reason))
    wanted = [spec for pair, spec in specs.items() if not refused[pair]]
    artifacts: dict[tuple[str, str], Artifact] = {}
    show(Progress("lower", 0, len(wanted)))
    for done, built in enumerate(build_artifacts(wanted), 1):
        pair = built.spec.scheme, built.spec.backend
        if built.reason:
            journal.append("failure", failure(pair, Outcome.LOWER, built.reason))
        else:
            artifacts[pair] = built.spec.read()
            note_lowered(pair, artifacts[pair], journal)
        show(Progress("lower", done, len(wanted), " x ".join(pair)))
    return artifacts


def note_lowered(pair: tuple[str, str], artifact: Artifact, journal: Journal) -> None:
    """Write down what was lowered, unless the journal has it.

    Raises:
        ConfigError: The journal has another .pte.
    """
    now = artifact.manifest.pte_sha256
    before = [
        entry["manifest"]["pte_sha256"]
        for entry in journal.entries()
        if entry["kind"] == "lowered" and entry["pair"] == pair_fields(pair)
    ]
    if not before:
        facts = {"pair": pair_fields(pair), "manifest": asdict(artifact.manifest)}
        journal.append("lowered", facts)
    elif before[-1] != now:
        raise ConfigError(
            f"{journal.run} measured another .pte of {' x '.join(pair)}: its SHA-256 was"
            f" {before[-1][:12]}…, and is {now[:12]}… now; start a new run without --resume"
        )


def measure_rounds(
    plan: Plan,
    device: Device,
    artifacts: Mapping[tuple[str, str], Artifact],
    journal: Journal,
    show: Show,
) -> None:
    """Measure in rounds, each case once per round, in an order that turns from round to round."""
    all_cases = [case for case in plan.cases() if (case.scheme, case.backend) in artifacts]
    done = done_rounds(journal.entries())
    failed: set[Case] = set()
    total = rounds(plan.schedule) * len(all_cases)
    for number in range(rounds(plan.schedule)):
        cases = unsettled(all_cases, plan.schedule, journal) if plan.schedule.until else all_cases
        turn = number % max(1, len(cases))
        for position, case in enumerate(cases[turn:] + cases[:turn]):
            if (case, number) in done or case in failed:
                continue
            artifact = artifacts[case.scheme, case.backend]
            if not measure_case(plan, case, device, journal, number=number, artifact=artifact):
                failed.add(case)
            show(Progress("measure", number * len(all_cases) + position + 1, total, str(case)))
            time.sleep(plan.schedule.cooldown_s)


def unsettled(cases: Sequence[Case], schedule: Schedule, journal: Journal) -> list[Case]:
    """Return the cases whose RTF is not known well enough yet."""
    samples: dict[Case, list[float]] = {case: [] for case in cases}
    for entry in journal.entries():
        if entry["kind"] == "repeat" and (case := Case(**entry["case"])) in samples:
            samples[case].append(facts_from_json(entry["facts"]).rtf)
    return [case for case in cases if not settled(samples[case], schedule)]


def measure_case(
    plan: Plan, case: Case, device: Device, journal: Journal, *, number: int, artifact: Artifact
) -> bool:
    """Measure one repeat of one case, and write it down; False where it failed."""
    reference = read_reference(plan.reference(plan.utterance(case.utterance)))
    job = Job(artifact.pte, artifact.manifest.limits, reference.request)
    try:
        artifact.check()
        repeat = measure_untainted(device, job, case, plan.schedule, journal)
    except DeviceUnavailableError as error:
        journal.append("failure", failure(case, Outcome.LOST, str(error)))
        raise
    except HarnessError as error:
        journal.append("failure", failure(case, Outcome.RUN, str(error)))
        return False
    here = said_here(job, artifact.manifest.pte_sha256) if plan.checked_here else None
    facts = facts_of(repeat, number, reference.codes, here)
    audible = number == 0 and len(repeat.waveform) > 0
    audio = save_audio(journal.files, case, repeat) if audible else ""
    entry = {
        "case": case_fields(case),
        "facts": asdict(facts),
        "reference_frames": reference.codes.shape[1],
        "audio": audio,
    }
    journal.append("repeat", entry)
    return True


def measure_untainted(
    device: Device, job: Job, case: Case, schedule: Schedule, journal: Journal
) -> Repeat:
    """Measure one repeat, again where the device was hot or slowed down, up to a limit."""
    for _ in range(REDONE_AT_MOST):
        repeat = device.measure(job, schedule)
        taints = [name for name in TAINTS if name in repeat.warnings]
        if not taints:
            return repeat
        journal.append("tainted", {"case": case_fields(case), "warnings": taints})
        time.sleep(schedule.cooldown_s)
    return device.measure(job, schedule)


def save_audio(folder: Path, case: Case, repeat: Repeat) -> str:
    """Write the speech of a repeat beside the run; returns the file relative to the run's."""
    parts = (case.scheme, case.backend, case.utterance, case.device)
    name = f"{'-'.join(filter(None, parts))}.flac"
    write_audio(folder / name, repeat.waveform)
    return f"{folder.name}/{name}"


def profile_pairs(
    plan: Plan,
    device: Device,
    artifacts: Mapping[tuple[str, str], Artifact],
    journal: Journal,
    show: Show,
) -> None:
    """Trace each artifact once, in a pass of its own: tracing slows what it traces."""
    longest = max(plan.utterances, key=lambda utterance: len(utterance.text))
    request = read_reference(plan.reference(longest)).request
    done = [entry["pair"] for entry in journal.entries() if entry["kind"] == "profile"]
    member = {"device": plan.member} if plan.member else {}
    wanted = [pair for pair in artifacts if {**pair_fields(pair), **member} not in done]
    for number, pair in enumerate(wanted, 1):
        artifact = artifacts[pair]
        try:
            artifact.check()
            operators = device.profile(
                Job(artifact.pte, artifact.manifest.limits, request), plan.schedule
            )
        except DeviceUnavailableError:
            raise
        except HarnessError as error:
            subject = {"pair": {**pair_fields(pair), **member}}
            journal.append("unprofiled", {**subject, "reason": str(error)})
        else:
            traced = [asdict(operator) for operator in operators]
            subject = {"pair": {**pair_fields(pair), **member}}
            journal.append("profile", {**subject, "operators": traced})
        show(Progress("profile", number, len(wanted), " x ".join(pair)))


def failure(about: Case | tuple[str, str], outcome: Outcome, reason: str) -> dict[str, object]:
    """Arrange a failure of a case, or of a pair, for the journal."""
    subject: dict[str, object] = (
        {"case": case_fields(about)} if isinstance(about, Case) else {"pair": pair_fields(about)}
    )
    return {**subject, "outcome": outcome, "reason": reason}
