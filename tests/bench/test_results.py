"""A run file says what it said when it was written, or says that it does not."""

import hashlib
import json
import os
import re
import shutil
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import pipeline
from bench.migrations import FORMAT
from bench.results import Case, Header, Outcome, Row, decode_run, encode_run, load_run, run_document
from bench.rows import assemble
from bench.stores.journal import FileJournal
from bench.stores.store import open_store
from model.errors import ResultError

OLD = Path(__file__).parents[1] / "format1"


@pytest.fixture
def run(plan, device, tmp_path):
    return pipeline.run(plan, device, tmp_path, lambda step: None)


def sealed(document):
    """Write any document with the first line and the checksum of a run file."""
    content = json.dumps({k: v for k, v in document.items() if k not in ("format", "sha256")})[1:]
    checksum = hashlib.sha256(content.encode()).hexdigest()
    return f'{{"format":{FORMAT},"sha256":"{checksum}",\n{content}'.encode()


@pytest.mark.parametrize("number", [1e101, -1e308, 1.7e308])
@pytest.mark.parametrize("where", ["median", "low", "high", "samples"])
def test_a_number_whose_square_is_infinite_is_no_measurement(number, where):
    document = json.loads(encode_run(load_run(OLD / "run.json")))
    metric = document["rows"][0]["metrics"]["rtf"]
    metric[where] = [number] if where == "samples" else number
    with pytest.raises(ResultError, match=r"is not a run that can be read: .*1e\+100"):
        decode_run(sealed(document), "it")


def test_a_file_is_one_json_document_with_its_format_and_checksum(run):
    document = json.loads(encode_run(run))
    assert document["format"] == FORMAT
    assert re.fullmatch("[0-9a-f]{64}", document.pop("sha256"))
    assert document == json.loads(msgspec.json.encode(run_document(run)))


@pytest.mark.parametrize(
    "changed",
    [lambda content: content.replace(b"\n", b"\r\n"), lambda content: b"\xef\xbb\xbf" + content],
    ids=["line ends of Windows", "a byte order mark"],
)
def test_a_file_that_git_or_an_editor_converted_is_refused_and_says_so(run, changed):
    with pytest.raises(ResultError, match="line ends or a byte order mark were put in"):
        decode_run(changed(encode_run(run)), "it")


def test_every_field_survives_writing_and_reading(run):
    """Also those that a format has gained since; a field that is forgotten comes back empty."""
    row = run.rows[0]
    given = {
        "reason": "it was so", "warnings": ("UNSTEADY",), "audio": "x/y.flac", "affinity": ("3",),
        "left_out": (("codec", "no weight"),), "outcome": Outcome.OK,
    }  # fmt: skip
    full = replace(run, rows=(replace(row, **given), *run.rows[1:]))
    back = decode_run(encode_run(full), "it")
    for spec in fields(Header):
        assert getattr(back.header, spec.name) == getattr(full.header, spec.name), spec.name
    for spec in fields(Row):
        assert getattr(back.rows[0], spec.name) == getattr(full.rows[0], spec.name), spec.name


def test_what_rows_share_is_written_once(run):
    document = json.loads(encode_run(run))
    assert len(document["artifacts"]) < len(document["rows"])
    assert not {"operators", "methods", "left_out"} & set(document["rows"][0])


def test_any_changed_byte_is_noticed(run):
    content = encode_run(run)
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(ResultError, match="it is not a run that can be read"):
            decode_run(bytes(changed), "it")


def test_any_cut_is_noticed(run):
    content = encode_run(run)
    for length in range(0, len(content), 101):
        with pytest.raises(ResultError, match="not a run that can be read"):
            decode_run(content[:length], "it")


def test_a_file_of_format_1_reads_as_what_it_was():
    run = load_run(OLD / "run.json")
    document = json.loads((OLD / "run.json").read_text())
    assert document["format"] == 1
    assert run.header.run == document["run"] == "0001_0e59a31_fixture"
    assert [row.case.scheme for row in run.rows] == ["fp32", "8da8w"]
    for row, old in zip(run.rows, document["rows"], strict=True):
        assert list(row.metrics) == list(old["metrics"])
        assert row.metrics["rtf"].samples == tuple(old["metrics"]["rtf"]["samples"])
        assert [dict(operator) for operator in row.operators] == old["operators"]
        facts = row.methods["codec_decoder"]
        assert {**old["methods"]["codec_decoder"], "snr_db": None}.items() <= facts.items()
        assert row.affinity == ()
        assert list(vars(row.case)) == [spec.name for spec in fields(Case)]


def test_a_file_of_format_1_is_the_same_run_once_it_is_written_anew():
    run = load_run(OLD / "run.json")
    assert decode_run(encode_run(run), "it") == run


def test_a_journal_of_format_1_goes_on(plan, device, tmp_path, monkeypatch):
    folder = tmp_path / "host"
    folder.mkdir()
    path = folder / "0002_0e59a31_fixture.journal"
    shutil.copy(OLD / "run.journal", path)
    before = assemble(FileJournal(path).entries()).header
    monkeypatch.setattr(type(plan), "packages", lambda _: before.versions)
    monkeypatch.setattr(pipeline, "git_commit", lambda: before.commit)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for entry in lines:
        if entry["kind"] == "lowered":  # the .pte that conftest makes
            scheme = entry["pair"]["scheme"].encode()
            entry["manifest"]["pte_sha256"] = hashlib.sha256(scheme).hexdigest()
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    monkeypatch.setattr(type(plan.choice), "identity", lambda _: before.model)
    plan = replace(plan, utterances=plan.utterances[:1], passes=before.passes)
    finished = pipeline.run(plan, device, tmp_path, lambda step: None, resume="")
    assert len(device.asked) == 3  # of six, three were there
    assert {row.outcome for row in finished.rows} == {Outcome.OK}
    assert load_run(path.with_suffix(".json")) == finished


@pytest.mark.parametrize("place", range(5))
def test_a_changed_line_of_a_journal_is_noticed(plan, device, tmp_path, place):
    device.gone_after = 5
    with pytest.raises(Exception, match="pulled"):
        pipeline.run(plan, device, tmp_path, lambda step: None)
    (path,) = (tmp_path / "host").glob("*.journal")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[place] = lines[place].replace(b":", b": ", 1)
    path.write_bytes(b"".join(lines))
    with pytest.raises(ResultError, match=f"damaged in line {place + 1}"):
        FileJournal(path).entries()


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    journal = open_store(tmp_path).begin(load_run(OLD / "run.json").header, "")
    before = journal.path.read_bytes()
    write = os.write
    with monkeypatch.context() as full:
        full.setattr("os.write", lambda file, line: write(file, line[:10]))
        with pytest.raises(ResultError, match="no room"):
            journal.append("note", {"words": "a long line"})
    assert journal.path.read_bytes() == before
    journal.append("note", {})
    assert len(journal.entries()) == 2


def refusal(read, *arguments):
    """Return what a reader says against its argument; None where it takes it."""
    try:
        read(*arguments)
    except ResultError as error:
        return str(error)
    return None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def places_of(value, path=()):
    """Name every place in a document."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places_of(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:3]):
            yield from places_of(inner, (*path, number))


DOCUMENT = json.loads((OLD / "run.json").read_text())
MODERN = json.loads(encode_run(load_run(OLD / "run.json")))


def changed(document, path, value):
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(st.data())
@pytest.mark.parametrize("document", [DOCUMENT, MODERN], ids=["format 1", "format 2"])
def test_whatever_stands_anywhere_in_a_file_is_read_or_refused_in_one_line(document, data):
    path = data.draw(st.sampled_from(list(places_of(document))[1:]))
    hostile = changed(document, path, data.draw(VALUES))
    content = json.dumps(hostile).encode() if document is DOCUMENT else sealed(hostile)
    refused = refusal(decode_run, content, "it")
    if refused is None:
        run = decode_run(content, "it")
        assert decode_run(encode_run(run), "it") == run
    else:
        assert refused.startswith("it is not a run that can be read: ")
        assert len(refused) < 1000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 3000))
def test_bytes_put_into_a_file_are_noticed(noise, place):
    content = encode_run(load_run(OLD / "run.json"))
    place = min(place, len(content))
    damaged = content[:place] + noise + content[place + len(noise) :]
    if damaged != content:
        with pytest.raises(ResultError):
            decode_run(damaged, "it")


@settings(max_examples=60, deadline=None)
@given(noise=st.binary(max_size=100), place=st.integers(0, 9000))
def test_a_damaged_journal_is_read_up_to_the_damage_or_refused(tmp_path_factory, noise, place):
    path = tmp_path_factory.getbasetemp() / "damaged.journal"
    content = (OLD / "run.journal").read_bytes()
    place = min(place, len(content))
    path.write_bytes(content[:place] + noise + content[place + len(noise) :])
    refused = refusal(lambda: assemble(FileJournal(path).entries()))
    assert refused is None or len(refused) < 1000
