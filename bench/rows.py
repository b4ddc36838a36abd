"""From a journal's entries to a run: the same for a finished run and for one that was cut short."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from bench.evidence import Evidence, RepeatFacts, facts_from_json
from bench.metrics import METRICS
from bench.operators import kept_operators
from bench.quality.clips import Score, SentenceScores
from bench.results import Case, Header, Measurement, Outcome, Row, Run, read_header
from bench.stats import summarize
from bench.stopping import interval, settled
from bench.warnings import find_warnings
from devices.base import OperatorTime
from devices.schedule import Schedule
from lowering.artifact import manifest_from_json
from model.errors import ResultError

Entry = Mapping[str, Any]
FAILURES = ("failure", "unscored", "unprofiled")  # kinds of entries


def assemble(entries: Sequence[Entry]) -> Run:
    """Make a run of a journal's entries.

    Raises:
        ResultError: The journal does not begin with its header.
    """
    if not entries:
        raise ResultError("the journal has no whole line: nothing was measured, start a new run")
    if entries[0]["kind"] != "header":
        raise ResultError("the journal's first line is not its header: that line was lost")
    try:
        header = read_header(entries[0])
        refuse_strangers(header, entries)
        current = standing(entries)
        return Run(header, tuple(row_of(case, header, current) for case in header.cases))
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise ResultError(f"the journal does not hold what it should: {error!r:.200}") from error


def refuse_strangers(header: Header, entries: Sequence[Entry]) -> None:
    """Make sure that every entry is of a case of the run, and every repeat of a round of its own.

    Raises:
        ResultError: It names the line.
    """
    cases, measured = set(header.cases), set()
    for number, entry in enumerate(entries, 1):
        if "case" not in entry:
            if entry["kind"] == "repeat":
                raise ResultError(f"line {number} of the journal is a repeat of no case")
            continue
        case = Case(**entry["case"])
        if case not in cases:
            raise ResultError(
                f"line {number} of the journal is of {str(case)!r:.120}, no case of the run"
            )
        if entry["kind"] == "repeat":
            repeat = case, entry["facts"]["round"]
            if repeat in measured:
                raise ResultError(
                    f"line {number} of the journal holds round {repeat[1]} of {case} once more:"
                    " remove it"
                )
            measured.add(repeat)


def standing(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Leave out what failed before the run was last resumed: all of that was tried again."""
    resumed = [number for number, entry in enumerate(entries) if entry["kind"] == "resumed"]
    last = max(resumed, default=0)
    return [e for number, e in enumerate(entries) if number > last or e["kind"] not in FAILURES]


def row_of(case: Case, header: Header, entries: Iterable[Entry]) -> Row:
    """Make the row of one case of all entries that concern it."""
    pair = {"scheme": case.scheme, "backend": case.backend}
    pairs = (pair, {**pair, "device": case.device})  # of all devices, of this one
    about = [
        entry
        for entry in entries
        if entry.get("case") == case_fields(case)
        or entry.get("pair") in pairs
        or (entry["kind"] == "unscored" and "pair" not in entry)
    ]
    repeats = [facts_from_json(entry["facts"]) for entry in about if entry["kind"] == "repeat"]
    failures = [entry for entry in about if entry["kind"] == "failure"]
    if complete(repeats, header.schedule):  # a device that was lost has come back
        failures = [entry for entry in failures if entry["outcome"] != Outcome.LOST]
    if failures:
        return Row(case, Outcome(failures[0]["outcome"]), failures[0]["reason"])
    lowered = [entry for entry in about if entry["kind"] == "lowered"]
    if not lowered or not repeats:
        return Row(case, Outcome.UNFINISHED, how_to_go_on(header))
    manifest = manifest_from_json(lowered[-1]["manifest"])
    operators = [
        OperatorTime(**operator)
        for entry in about
        if entry["kind"] == "profile"
        for operator in entry["operators"]
    ]
    frames = next(e["reference_frames"] for e in about if e["kind"] == "repeat")
    # The newest of each sentence: a run that is resumed scores all of them again.
    scored = {entry["sentence"]: entry for entry in about if entry["kind"] == "scored"}
    sentences = [sentence_scores(entry) for entry in scored.values()]
    redone = sum(entry["kind"] == "tainted" for entry in about)
    evidence = Evidence(manifest, repeats, operators, frames, sentences, redone)
    return measured_row(case, header, evidence, about)


def how_to_go_on(header: Header) -> str:
    """Say what can be done about a case that a run did not get to."""
    if header.session:
        return "the run was cut short, and one that is measured in turns cannot go on"
    return f"the run was cut short: the flags it was started with and --resume {header.run} go on"


def complete(repeats: Sequence[RepeatFacts], schedule: Schedule) -> bool:
    """Whether a case has been measured as often as it should be."""
    return settled([repeat.rtf for repeat in repeats], schedule)


def measured_row(case: Case, header: Header, evidence: Evidence, about: Iterable[Entry]) -> Row:
    """Make the row of a case that was measured."""
    return Row(
        case,
        Outcome.OK,
        metrics=with_final_interval(measure(evidence), header.schedule),
        warnings=find_warnings(
            evidence, trained=header.trained, emulated=header.measured_on(case).emulated
        ),
        operators=kept_operators(evidence.operators),
        left_out=evidence.manifest.left_out,
        methods={name: asdict(facts) for name, facts in evidence.manifest.methods.items()},
        audio=next((e["audio"] for e in about if e["kind"] == "repeat" and e["audio"]), ""),
        affinity=tuple(dict.fromkeys(repeat.affinity for repeat in evidence.repeats)),
        readings=tuple(reading for repeat in evidence.repeats for reading in repeat.readings),
        unscored={e["metric"]: e["reason"] for e in about if e["kind"] == "unscored"},
    )


def measure(evidence: Evidence) -> dict[str, Measurement]:
    """Take every metric that applies."""
    samples = {name: metric.read(evidence) for name, metric in METRICS.items()}
    return {
        name: summarize(
            values, METRICS[name].unit, weigh(evidence) if (weigh := METRICS[name].weigh) else None
        )
        for name, values in samples.items()
        if values
    }


def with_final_interval(
    metrics: dict[str, Measurement], schedule: Schedule
) -> dict[str, Measurement]:
    """Give RTF the interval that ended the measuring, where an interval was to end it."""
    if not schedule.until:
        return metrics
    found = interval(metrics["rtf"].samples, schedule.repeats, schedule.most_repeats)
    if found is None:
        return metrics
    low, high = found
    return {**metrics, "rtf": replace(metrics["rtf"], low=low, high=high)}


def sentence_scores(entry: Entry) -> SentenceScores:
    """Read the scores of a sentence back from the journal."""
    said, fp32 = (
        {name: Score(*score) for name, score in entry[side].items()} for side in ("scores", "fp32")
    )
    return SentenceScores(entry["sentence"], said, fp32)


def case_fields(case: Case) -> dict[str, str]:
    """Name the parts of a case for the journal: the device only where there is a lab."""
    return {name: value for name, value in vars(case).items() if value or name != "device"}


def done_rounds(entries: Iterable[Entry]) -> set[tuple[Case, int]]:
    """Name the repeats that a journal already has."""
    return {
        (Case(**entry["case"]), entry["facts"]["round"])
        for entry in entries
        if entry["kind"] == "repeat"
    }
