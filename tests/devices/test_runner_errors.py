"""What the native runner answers when it is asked for something that cannot be."""

import json
import subprocess

import pytest

from devices.exchange import write_request


@pytest.fixture
def run(native_bundle, tmp_path):
    """Runs the runner with some arguments; returns its exit status and its answer."""

    def run_runner(*arguments):
        done = subprocess.run(
            [*native_bundle.command, *map(str, arguments)],
            cwd=native_bundle.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        lines = done.stdout.splitlines()
        assert len(lines) == 1
        return done.returncode, json.loads(lines[0])

    return run_runner


@pytest.fixture
def request_lines(make_job, tmp_path):
    write_request(tmp_path / "request.txt", make_job(tmp_path / "model.pte", phonemes=(3, 4)))
    return (tmp_path / "request.txt").read_text().splitlines()


@pytest.fixture
def run_request(run, tmp_path):
    """Runs the runner on the lines of a request, without a model."""

    def run_lines(lines):
        path = tmp_path / "request.txt"
        path.write_bytes("".join(f"{line}\n" for line in lines).encode("latin-1"))
        return run("--model", tmp_path / "none.pte", "--request", path, "--out", tmp_path)

    return run_lines


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--help",),
        ("--model",),
        ("--model", "a.pte", "--request", "b"),
        ("--model", "a.pte", "--request", "b", "--out", "c", "--iterations", "0"),
        ("--model", "a.pte", "--request", "b", "--out", "c", "--iterations", "many"),
        ("--model", "a.pte", "--request", "b", "--out", "c", "--threads", "-1"),
        ("--model", "a.pte", "--request", "b", "--out", "c", "--threads", "100000"),
        ("--model", "a.pte", "--request", "b", "--out", "c", "--affinity", "0xg"),
        ("--model", "a.pte", "--request", "b", "--out", "c", "--slower-percent", "-5"),
        ("--model", "a.pte", "--request", "b", "--out", "c", "stray"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_answered_with_the_right_one(run, arguments):
    status, answer = run(*arguments)
    assert (status, answer["error"]) == (2, "usage")
    assert "--request FILE" in answer["what"]


@pytest.mark.parametrize(
    "shape",
    [
        "2147483647 2147483647 2147483647",  # std::vector: length_error
        "2147483647 2147483647 4",  # over 2**63 bytes
        "65536 65536 65536 65536",  # 2**64 elements: wraps around to 0
        "1000000 1000000",
        "3",
        "-1",
        "99999999999999999999",
        "1 x",
    ],
)
def test_a_hostile_shape_is_a_request_that_is_refused(run_request, tmp_path, shape):
    (tmp_path / "inputs.bin").write_bytes(bytes(4))
    status, answer = run_request(["format 1", "method forward", f"input float32 {shape}"])
    assert (status, answer["error"]) == (8, "request")
    assert shape in answer["what"]


@pytest.mark.parametrize("shape", ["1", "", "0", "2147483647 2147483647 2147483647 0"])
def test_a_shape_of_what_is_there_is_read(run_request, tmp_path, shape):
    (tmp_path / "inputs.bin").write_bytes(bytes(4))
    status, answer = run_request(["format 1", "method forward", f"input float32 {shape}"])
    assert (status, answer["error"]) == (3, "open")  # the next thing that is missing


def test_a_good_request_is_read_to_its_end(run_request, request_lines):
    status, answer = run_request(request_lines)
    assert (status, answer["error"]) == (3, "open")  # the next thing that is missing


def test_a_request_cut_short_is_refused_wherever_it_is_cut(run_request, request_lines):
    sentences = sum(line.startswith("sentence") for line in request_lines)
    for count in range(len(request_lines) - sentences + 1):
        status, answer = run_request(request_lines[:count])
        assert (status, answer["error"]) == (8, "request")
        assert f"line {count + 1}: expected" in answer["what"]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("format", "format 2"),
        ("format", "format 1 1"),
        ("frames_per_step", "frames_per_step 0"),
        ("frames_per_step", "frames_per_step"),
        ("max_frames", "max_frames 1e3"),
        ("max_frames", "max_frames 99999999999999999999999"),
        ("chunk_frames", "chunk_frames -75"),
        ("lookahead_frames", "lookahead_frames  5"),
        ("seed", "seed -1"),
        ("seed", "seed 18446744073709551616"),
        ("temperature", "temperature nan"),
        ("temperature", "temperature -0x1p+0"),
        ("temperature", "temperature warm"),
        ("top_k", "top_k 0"),
        ("top_k", "top_k 1025"),
        ("layer_penalty", "layer_penalty inf"),
        ("pass", "pass 0x1.8p+0 0"),
        ("pass", "pass 0x1p-1"),
        ("pass", "pass 0x1p-1 8"),
        ("pass", "pass 0x1p-1 2 1"),
        ("prompt_codes", "prompt_codes 1 2 3"),
        ("prompt_codes", "prompt_codes 0 0 0 0 0 0 0 1024"),
        ("prompt_codes", "prompt_codes 0 0 0 0 0 0 0 0"),
        ("sentence", "sentence"),
        ("sentence", "sentence 1 -2"),
        ("sentence", "sentence 1 2 "),
        ("sentence", "verse 1 2"),
        ("sentence", '\xff\xfe\x00\x01 "\\'),
    ],
)
def test_a_request_with_a_wrong_line_is_refused(run_request, request_lines, key, line):
    keys = [known.split()[0] for known in request_lines]
    request_lines[keys.index(key)] = line
    status, answer = run_request(request_lines)
    assert (status, answer["error"]) == (8, "request")


def test_a_missing_request_and_a_folder_for_one_are_refused(run, tmp_path):
    for path in (tmp_path / "none.txt", tmp_path):
        status, answer = run("--model", "a.pte", "--request", path, "--out", tmp_path)
        assert (status, answer["error"]) == (8, "request")


def test_a_folder_that_cannot_be_written_is_refused_at_once(run, request_lines, tmp_path):
    request = tmp_path / "request.txt"
    for folder in (tmp_path / "none", request, "/proc"):
        status, answer = run("--model", "a.pte", "--request", request, "--out", folder)
        assert (status, answer["error"]) == (11, "write")
        assert str(folder) in answer["what"]


def test_a_file_that_is_no_pte_is_refused(run, request_lines, tmp_path):
    request = tmp_path / "request.txt"
    status, answer = run("--model", request, "--request", request, "--out", tmp_path)
    assert (status, answer["error"]) == (4, "program")
    status, answer = run("--model", tmp_path, "--request", request, "--out", tmp_path)
    assert (status, answer["error"]) == (3, "open")


def test_processors_that_are_not_there_are_refused(run, request_lines, tmp_path):
    status, answer = run(
        *("--model", "a.pte", "--request", tmp_path / "request.txt", "--out", tmp_path),
        *("--affinity", "8000000000000000"),
    )
    assert (status, answer["error"]) == (13, "processor")
