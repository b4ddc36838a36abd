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
from bench.warnings import find_doubts
from devices.base import OperatorTime
from devices.schedule import Schedule
from lowering.artifact import manifest_from_json
from model.errors import ResultError

Entry = Mapping[str, Any]


def assemble(entries: Sequence[Entry]) -> Run:
    """Make a run of a journal's entries.

    Raises:
        ResultError: The journal does not begin with its header.
    """
    if not entries or entries[0]["kind"] != "header":
        raise ResultError("the journal has no header: nothing was measured, start a new run")
    try:
        header = read_header(entries[0])
        return Run(header, tuple(row_of(case, header, entries) for case in header.cases))
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise ResultError(f"the journal does not hold what it should: {error!r:.200}") from error


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
        return Row(case, Outcome.UNFINISHED, "the run was cut short: `bench run --resume` goes on")
    manifest = manifest_from_json(lowered[0]["manifest"])
    operators = [
        OperatorTime(**operator)
        for entry in about
        if entry["kind"] == "profile"
        for operator in entry["operators"]
    ]
    frames = next(e["reference_frames"] for e in about if e["kind"] == "repeat")
    sentences = [sentence_scores(entry) for entry in about if entry["kind"] == "scored"]
    redone = sum(entry["kind"] == "tainted" for entry in about)
    evidence = Evidence(manifest, repeats, operators, frames, sentences, redone)
    return measured_row(case, header, evidence, about)


def complete(repeats: Sequence[RepeatFacts], schedule: Schedule) -> bool:
    """Whether a case has been measured as often as it should be."""
    return settled([repeat.rtf for repeat in repeats], schedule)


def measured_row(case: Case, header: Header, evidence: Evidence, about: Iterable[Entry]) -> Row:
    """Make the row of a case that was measured."""
    return Row(
        case,
        Outcome.OK,
        metrics=with_final_interval(measure(evidence), header.schedule),
        warnings=find_doubts(
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
