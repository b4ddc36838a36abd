import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from model import sampling
from model.config import CODEBOOK_SIZE, N_CODEBOOK
from model.decoding import MASK, DecodingOptions, MaskedCells, Pass, decoding_plan, unmask

ROOT = Path(__file__).parents[2]
EXP, LOG, GUMBEL, UNMASK = range(4)
# A compiler and what runs its programs here. On Arm a compiler that fuses multiply-adds would show.
TARGETS = [
    pytest.param((("g++",), ()), id="native"),
    pytest.param(
        (("aarch64-linux-gnu-g++", "-static"), ("qemu-aarch64-static",)),
        id="aarch64",
        marks=pytest.mark.slow,
    ),
]


@pytest.fixture(scope="module", params=TARGETS)
def native(request, tmp_path_factory):
    """Runs the native functions: records of bytes in, bytes out."""
    compiler, emulator = request.param
    for program in (compiler[0], *emulator):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    program = tmp_path_factory.mktemp("native") / "sampling_check"
    flags = (
        "-std=c++17",
        "-O3",
        "-fno-trapping-math",
        "-ffp-contract=off",
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-I{ROOT}",
    )
    source = str(ROOT / "tests/devices/sampling_check.cpp")
    subprocess.run([*compiler, *flags, source, "-o", str(program)], check=True)

    def run(*records):
        command = [*emulator, str(program)]
        return subprocess.run(
            command, input=b"".join(records), stdout=subprocess.PIPE, check=True
        ).stdout

    return run


def words(*values):
    return struct.pack(f"<{len(values)}Q", *values)


@pytest.mark.parametrize(
    ("function", "reference", "values"),
    [
        (EXP, sampling.exp32, -np.geomspace(1e-9, 200, 50_000)),
        (EXP, sampling.exp32, [0.0, -0.0, -86.99999, -87.0, -87.00001, -1e30, -np.inf]),
        (LOG, sampling.log32, np.geomspace(1.2e-38, 3e38, 50_000)),
        (LOG, sampling.log32, 1 - np.arange(1, 2000) * 2.0**-24),
    ],
)
def test_exponential_and_logarithm_are_equal_to_the_last_bit(native, function, reference, values):
    values = np.asarray(values, np.float32)
    out = np.frombuffer(native(words(function, len(values)), values.tobytes()), np.float32)
    with np.errstate(all="ignore"):
        expected = reference(values.copy())
    assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 5, 2**63 - 1])
def test_random_numbers_are_equal_to_the_last_bit(native, seed):
    numbers = np.array([0, 1, 2, 3, 4, 7, 8, 1023, 50_000, 1_234_567], np.int64)
    for sentence, pass_index, purpose in [(0, 0, 0), (0, 0, 1), (3, 14, 0), (250, 7, 1)]:
        out = native(
            words(GUMBEL, seed, sentence, pass_index, purpose, len(numbers)), numbers.tobytes()
        )
        expected = sampling.Draws(seed, sentence, pass_index).gumbel(purpose, numbers)
        assert out == expected.tobytes()


def unmask_record(codes, step, logits, options, sentence):
    return b"".join(
        (
            words(UNMASK, codes.shape[1], sentence, step.index, options.seed, options.top_k),
            struct.pack("<3d", options.temperature, options.position_temperature,
                        options.layer_penalty),
            struct.pack("<d", step.remaining),
            words(len(step.channels), *step.channels),
            codes.tobytes(),
            logits.tobytes(),
        )
    )  # fmt: skip


def random_logits(rng, rows, levels):
    """Logits over the whole range that a head may give; few `levels` make ties."""
    logits = rng.normal(0, rng.uniform(0.1, 12), (rows, CODEBOOK_SIZE))
    if levels:
        logits = np.round(logits * levels) / levels
    return logits.astype(np.float32)


def unmask_both(native, passes, seed, levels, frames, **options):
    """Decode a grid of random logits pass by pass, both ways; return all codes on the way."""
    rng = np.random.default_rng(seed)
    plan = decoding_plan(passes)
    settings = DecodingOptions(plan=plan, seed=seed, **options)
    codes = np.full((N_CODEBOOK, frames), MASK, np.int64)
    records, expected = [], []
    for step in plan:
        cells = MaskedCells.of(codes, step)
        if not len(cells.frame):
            continue
        logits = random_logits(rng, len(cells.frame), levels)
        records.append(unmask_record(codes, step, logits, settings, seed % 5))
        unmask(codes, cells, logits, step, settings, sentence=seed % 5)
        expected.append(codes.copy())
    out = np.frombuffer(native(*records), np.int64).reshape(-1, N_CODEBOOK, frames)
    return out, np.stack(expected)


@pytest.mark.parametrize("levels", [None, 4, 0.25], ids=["distinct", "ties", "many ties"])
@pytest.mark.parametrize("passes", [(8, 1, 1, 1, 1, 1, 1, 1), (3, 2, 2, 1, 1, 1, 1, 1), (8,)])
def test_codes_are_equal_for_random_logits(native, passes, levels):
    for seed in range(4):
        out, expected = unmask_both(native, passes, seed, levels, frames=10 + 7 * seed)
        np.testing.assert_array_equal(out, expected)
        assert not (out[-1] == MASK).any()


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"position_temperature": 0.0},
        {"temperature": 0.0, "position_temperature": 0.0},
        {"top_k": 1},
        {"top_k": CODEBOOK_SIZE},
        {"temperature": 0.7, "top_k": 3, "layer_penalty": 0.3, "position_temperature": 4.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("passes", [(4, 1, 1, 1, 1, 1, 1, 1), (6,)])
def test_codes_are_equal_for_every_option(native, passes, options):
    for levels in (None, 2):
        out, expected = unmask_both(native, passes, 11, levels, frames=12, **options)
        np.testing.assert_array_equal(out, expected)


def test_constant_logits_break_ties_alike(native):
    step = Pass(0, (2,), 0.5)
    codes = np.full((N_CODEBOOK, 9), MASK, np.int64)
    logits = np.zeros((9, CODEBOOK_SIZE), np.float32)
    options = DecodingOptions(temperature=0.0, position_temperature=0.0)
    out = np.frombuffer(native(unmask_record(codes, step, logits, options, 0)), np.int64)
    unmask(codes, MaskedCells.of(codes, step), logits, step, options, sentence=0)
    np.testing.assert_array_equal(out.reshape(codes.shape), codes)
    assert codes[2].tolist() == [0, 0, 0, 0, 0, MASK, MASK, MASK, MASK]
