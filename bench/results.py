"""What a run is, and its file: raw samples, versioned, checked, written whole or not at all.

A run under way is a journal (`bench.stores.journal`); a finished one is one JSON document,
`NNNN_COMMIT[_TAG].json`, made from the journal by the same function that shows an unfinished one.
The file's first line holds the format and the SHA-256 of every byte after it; then follow the
conditions, the facts that rows share (one line each) and the rows (one line each).

Format history:
    1: first. Indented; no checksum; every row with its own copy of what it shares with others.
    2: checksum; shared facts once, in `artifacts`; infinite SNR is null; processors of a row.
"""

import contextlib
import gc
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from bench.migrations import FORMAT, migrate
from devices.base import DeviceInfo, OperatorTime, Reading
from devices.schedule import Schedule
from lowering.artifact import MethodFacts
from model.errors import ResultError, reason_of
from model.files import read_regular, write_whole

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LARGEST_BYTES = 2**30
LONGEST_NAME = 255  # bytes
LARGEST = 1e100  # of a metric, in its unit: squares and sums of such numbers are finite
FIRST_LINE = re.compile(rb'\{"format":%d,"sha256":"([0-9a-f]{64})",\n' % FORMAT)


Number = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]


class Outcome(StrEnum):
    """How a case ended; every failure is named after the stage it happened in."""

    OK = "ok"
    SKIPPED = "skipped"
    LOWER = "lowering failed"
    RUN = "run failed"
    LOST = "device lost"
    UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Case:
    """What was measured: a model under a scheme on a backend, saying an utterance.

    In the run of a lab, `device` names the member that it was measured on; else it is empty.
    """

    scheme: str
    backend: str
    utterance: str
    model: str
    device: str = ""

    def __str__(self) -> str:
        place = f" · {self.device}" if self.device else ""
        return f"{self.scheme} x {self.backend} · {self.utterance}{place}"


@dataclass(frozen=True, slots=True)  # slots: a large run has hundreds of thousands of these
class Measurement:
    """One metric of one case.

    Attributes:
        median: Over repeats; of metrics of speech quality the mean over sentences.
        low: Lower end of the 95 % interval of the median; the median where there is one sample.
        high: Upper end.
        unit: As registered with the metric.
        samples: One value per repeat, or per sentence.
    """

    median: Number
    low: Number
    high: Number
    unit: str
    samples: Annotated[tuple[Number, ...], msgspec.Meta(min_length=1)]


@dataclass(frozen=True)
class Row:
    """One case and what came of it.

    Attributes:
        case: What was measured.
        outcome: How it ended.
        reason: Why it did not end well, in one line.
        metrics: By name.
        warnings: Named warnings (`bench.warnings`).
        operators: Of the profile (`bench.operators`): method, name, delegate, calls, total_ms.
        left_out: (module, reason) of what the scheme left in float.
        methods: Facts per method of the .pte.
        audio: File with the speech, relative to the run's folder; empty where there is none.
        affinity: Processors that its processes might use: hexadecimal masks, one where all agree.
        unscored: Metrics of speech quality that were asked for and could not be taken, with why.
        readings: What the device told of itself meanwhile, repeat by repeat.
    """

    case: Case
    outcome: Outcome
    reason: str = ""
    metrics: Mapping[str, Measurement] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    operators: tuple[Mapping[str, Any], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    audio: str = ""
    affinity: tuple[str, ...] = ()
    unscored: Mapping[str, str] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True)
class Header:
    """The conditions of a run.

    Attributes:
        run: Its name, which `bench show`, `compare` and `report` accept.
        started_at: ISO 8601, UTC.
        made_by: Command that made it, where that is not `bench run`: ab, calibrate or search. Such
            runs are neither `latest` nor part of a history unless that is asked for.
        commit: Of the project, with `+` where the tree was changed; empty outside a checkout.
        device: What the device said of itself.
        schedule: How often was measured.
        versions: Pins.
        model: Identity of model and codec (`ModelChoice.identity`).
        trained: False where weights are random and the speech is noise.
        passes: Passes of the decoding plan.
        utterances: Text and prompt per utterance.
        cases: All cases that the run set out to measure.
        session: Shared by runs that were measured in turns, round by round; empty for others.
        quality: Text and prompt per sentence that was scored; empty where none was.
        members: What the members of a lab said of themselves, by name; empty without a lab.
        code_sha256: Of the project's sources, which a changed tree's commit does not tell; empty in
            older files.
    """

    run: str
    started_at: str
    made_by: str = field(default="", kw_only=True)  # this early, to be found without reading all
    commit: str
    device: DeviceInfo
    schedule: Schedule
    versions: Mapping[str, str]
    model: Mapping[str, str]
    trained: bool
    passes: tuple[int, ...]
    utterances: Mapping[str, Mapping[str, str]]
    cases: tuple[Case, ...]
    session: str = ""
    quality: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    members: Mapping[str, DeviceInfo] = field(default_factory=dict)
    code_sha256: str = ""

    def measured_on(self, case: Case) -> DeviceInfo:
        """Return the device of a case."""
        return self.members.get(case.device, self.device)


@dataclass(frozen=True)
class Run:
    """A run's conditions and rows."""

    header: Header
    rows: tuple[Row, ...]

    @property
    def failed(self) -> bool:
        """Whether any case ended other than well or skipped."""
        return any(row.outcome not in (Outcome.OK, Outcome.SKIPPED) for row in self.rows)


@dataclass(frozen=True)
class Shared:
    """What the rows of one artifact have in common; see `Row`."""

    operators: tuple[OperatorTime, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    methods: Mapping[str, MethodFacts] = field(default_factory=dict)


SHARED = tuple(spec.name for spec in fields(Shared))
ROW = tuple(spec.name for spec in fields(Row) if spec.name not in SHARED)
PARTS_OF_CASE = attrgetter(*(spec.name for spec in fields(Case)))


@dataclass(frozen=True)
class RowDocument(Row):
    """A row as it stands in a file: what it shares with others is named by its place."""

    artifact: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunDocument(Header):
    """A run as it stands in a file; its rows are read one by one, when they are asked for."""

    artifacts: tuple[Shared, ...]
    rows: tuple[msgspec.Raw, ...]


READER = msgspec.json.Decoder(RunDocument)
ROW_READER = msgspec.json.Decoder(RowDocument)


def run_document(run: Run) -> dict[str, Any]:
    """Arrange a run as its JSON document: what a file holds, but for the checksum."""
    artifacts: list[dict[str, Any]] = []
    by_content: dict[bytes, int] = {}
    by_identity: dict[tuple[int, ...], int] = {}  # mostly, rows hold the very same objects
    rows = []
    for row in run.rows:
        same = tuple(id(getattr(row, name)) for name in SHARED)
        if same not in by_identity:
            facts = {name: getattr(row, name) for name in SHARED}
            by_identity[same] = by_content.setdefault(to_json(facts), len(artifacts))
            if by_identity[same] == len(artifacts):
                artifacts.append(facts)
        own = {name: getattr(row, name) for name in ROW}
        rows.append({**own, "artifact": by_identity[same]})
    return {"format": FORMAT, **asdict(run.header), "artifacts": artifacts, "rows": rows}


def to_json(value: object) -> bytes:
    """Write a value as JSON; what is infinite or no number becomes null."""
    return msgspec.json.encode(value, enc_hook=plain)


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON has no form for
    """Reduce numpy's numbers to Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not belong into a result")


def encode_run(run: Run) -> bytes:
    """Write a run as the content of its file."""
    document = run_document(run)
    del document["format"]
    lists = [(name, document.pop(name)) for name in ("artifacts", "rows")]
    parts = [to_json(document)[1:-1]]
    for name, entries in lists:
        lines = b",\n".join(to_json(entry) for entry in entries)
        parts.append(b'"%s":[\n%s\n]' % (name.encode(), lines))
    content = b",\n".join(parts) + b"}\n"
    checksum = hashlib.sha256(content).hexdigest()
    return b'{"format":%d,"sha256":"%s",\n%s' % (FORMAT, checksum.encode(), content)


def decode_run(content: bytes, where: str) -> Run:
    """Read the content of a run's file, of whatever format.

    Args:
        content: Of the file.
        where: Its name, for messages.

    Raises:
        ResultError: It is damaged, was changed, is of a newer format, or is something else.
    """
    with no_garbage():
        header, rows = decode_parts(content, where)
        return Run(header, tuple(rows))


def decode_parts(content: bytes, where: str) -> tuple[Header, Iterator[Row]]:
    """Read a run's conditions, and its rows one by one: for large runs, see `decode_run`.

    Raises:
        ResultError: As `decode_run`; damage that a checksum does not show, when its row is read.
    """
    with readable(where):
        first = FIRST_LINE.match(content)
        if not first:
            content = to_json(migrate(content))
        elif hashlib.sha256(memoryview(content)[first.end() :]).hexdigest() != first[1].decode():
            raise ValueError("it was damaged or changed after it was written (checksum)")
        document = READER.decode(content)
        datetime.fromisoformat(document.started_at)
        return whole_header(document), rows_of(document, where)


@contextlib.contextmanager
def readable(where: str) -> Iterator[None]:
    """Say of whatever is wrong inside which run cannot be read."""
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{where} is not a run that can be read: {error}") from error


@contextlib.contextmanager
def no_garbage() -> Iterator[None]:
    """Keep Python from looking for garbage while a million objects are made that are none.

    Looking took a third of the time of comparing two runs of 10,000 rows.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def rows_of(document: RunDocument, where: str) -> Iterator[Row]:
    """Give every row of a document its share, and look at what types do not say.

    Raises:
        ResultError: Something does not fit together.
    """
    with readable(where):
        shared: list[dict[str, Any]] = [
            {
                "operators": tuple(shallow(operator) for operator in artifact.operators),
                "left_out": artifact.left_out,
                "methods": {name: shallow(facts) for name, facts in artifact.methods.items()},
            }
            for artifact in document.artifacts
        ]
        seen = set()
        for raw in document.rows:
            row = ROW_READER.decode(raw)
            if row.case in seen:
                raise ValueError(f"the case {str(row.case)!r:.120} is given twice")
            seen.add(row.case)
            if row.artifact is not None and not 0 <= row.artifact < len(shared):
                raise ValueError(f"there is no artifact {row.artifact}")
            if row.audio and not stays_inside(row.audio):
                raise ValueError(f"the audio file {row.audio!r:.120} is none of the run's folder")
            facts = {} if row.artifact is None else shared[row.artifact]
            own = {name: getattr(row, name) for name in ROW}
            own["case"] = Case(*PARTS_OF_CASE(row.case))
            yield Row(**own, **facts)


def stays_inside(name: str) -> bool:
    """Whether a name can be that of a file inside a folder."""
    path = PurePosixPath(name)
    fits = all(part != ".." and len(part.encode()) <= LONGEST_NAME for part in path.parts)
    return fits and name.isprintable() and not path.is_absolute()


def read_header(entry: Mapping[str, Any]) -> Header:
    """Read the conditions of a run from a journal's first entry.

    Raises:
        ValueError: They are not as they must be.
    """
    return whole_header(msgspec.convert(entry, Header))


def whole_header(read: Header) -> Header:
    """Make the conditions of a run anew, with cases that have all their fields of their own.

    A field that a file lacks is found on the class alone, where `vars` does not look. Older files
    do not name the command that made them, but only runs of `bench ab` have a session.
    """
    own = {spec.name: getattr(read, spec.name) for spec in fields(Header)}
    own["made_by"] = read.made_by or ("ab" if read.session else "")
    return Header(**{**own, "cases": tuple(Case(**shallow(case)) for case in read.cases)})


def shallow(record: "DataclassInstance") -> dict[str, Any]:
    """Arrange the fields of a dataclass as a table, without copying what they hold."""
    return {spec.name: getattr(record, spec.name) for spec in fields(record)}


def save_run(path: Path, run: Run) -> None:
    """Write a finished run, whole or not at all."""
    write_whole(path, encode_run(run))


def load_run(path: Path) -> Run:
    """Read a finished run.

    Raises:
        ResultError: The file is missing, damaged, changed, or of a newer format.
    """
    return decode_run(read_result(path), str(path))


def read_result(path: Path) -> bytes:
    """Read a file of results as it is.

    Raises:
        ResultError: It cannot be, or is none.
    """
    try:
        return read_regular(path, LARGEST_BYTES)
    except (OSError, ValueError) as error:
        raise ResultError(f"{path} is not a run that can be read: {reason_of(error)}") from error
