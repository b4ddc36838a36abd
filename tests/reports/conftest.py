"""A run as a machine would give it: four schemes, three utterances, one failure, one skip."""

import math
import wave
from dataclasses import replace

import numpy as np
import pytest

from bench.results import Case, Header, Measurement, Outcome, Row, Run
from devices.base import DeviceInfo
from devices.schedule import Schedule

FAILURE = "the runner stopped with signal 9: out of memory at 1,187 frames"
SKIP = "groups of 32 need at least 128 frames to be calibrated"
HOSTILE = "<img src=x onerror=alert(1)>|[x](http://evil)\x1b[2J\n# **boo** @all `code`"
SCHEMES = ("fp32", "8da8w", "8da4w", "int8-static")
UTTERANCES = {"short": 96, "plain": 301, "long": 1187}  # codec frames
# Per scheme: time, .pte and resident MiB, LSD and MCD in dB, token agreement, delegated time.
FACTS = {
    "fp32": (1.0, 36.2, 241, 0.0002, 0.0001, 1.0, 0.991),
    "8da8w": (0.52, 12.4, 214, 1.18, 0.74, 0.941, 0.984),
    "8da4w": (1.31, 9.1, 209, 2.92, 1.83, 0.862, 0.592),
    "int8-static": (0.47, 12.1, 211, 1.93, 1.22, 0.903, 0.979),
}
STAGE_SHARES = {
    "prompt_encoder": 0.06,
    "text_encoder": 0.04,
    "duration_predictor": 0.02,
    "smd": 0.58,
    "head": 0.12,
    "sampling": 0.03,
    "codec": 0.15,
}
GEMM = {
    "fp32": "Fully Connected (NC, F32) GEMM",
    "8da8w": "Fully Connected (NC, QD8, F32, QC8W) GEMM",
    "8da4w": "Fully Connected (NC, QD8, F32, QB4W) GEMM",
    "int8-static": "Fully Connected (NC, QS8, QC8W) GEMM",
}


def measurement(median, unit, spread=0.0, repeats=5, seed=0):
    noise = np.random.default_rng(seed).normal(0, spread, repeats) if spread else np.zeros(repeats)
    samples = [float(median * (1 + n)) for n in noise]
    middle = float(np.median(samples))
    width = 1.2 * spread * abs(median) / math.sqrt(repeats)
    return Measurement(middle, middle - width, middle + width, unit, tuple(samples))


def metrics_of(scheme, utterance, seed):
    time, pte_mib, rss_mib, lsd_db, mcd_db, tokens, delegated = FACTS[scheme]
    frames = UTTERANCES[utterance]
    rtf = 0.54 * time * (1 + 8 / frames)
    wall_ms = rtf * frames / 75 * 1e3
    noisy = {
        "rtf": (rtf, "ratio", 0.012),
        "first_audio_ms": (wall_ms * 0.87, "ms", 0.015),
        "load_ms": (31 + pte_mib * 2.1, "ms", 0.06),
        "warm_load_ms": (12 + pte_mib * 0.8, "ms", 0.05),
        "peak_rss_bytes": ((rss_mib + frames / 60) * 2**20, "bytes", 0.002),
        "model_rss_bytes": ((rss_mib - 118) * 2**20, "bytes", 0.004),
        **{f"{s}_ms": (wall_ms * share, "ms", 0.02) for s, share in STAGE_SHARES.items()},
    }
    fixed = {
        "pte_bytes": (pte_mib * 2**20, "bytes"),
        "compile_s": (48.0 + 30 * time, "s"),
        "audio_frames": (frames, "frames"),
        "lsd_db": (lsd_db, "dB"),
        "mcd_db": (mcd_db, "dB"),
        "token_agreement": (tokens, "share"),
        "code_agreement": (tokens**2, "share"),
        "delegated_nodes_share": (delegated**0.5, "share"),
        "delegated_time_share": (delegated, "share"),
        "quantized_macs_share": (0.0 if scheme == "fp32" else 0.934, "share"),
        "quantized_params_share": (0.0 if scheme == "fp32" else 0.887, "share"),
    }
    measured = {
        name: measurement(value, unit, spread, seed=seed * 100 + number)
        for number, (name, (value, unit, spread)) in enumerate(noisy.items())
    }
    single = {name: measurement(v, unit, repeats=1) for name, (v, unit) in fixed.items()}
    return {**measured, **single}


def operators_of(scheme):
    time = FACTS[scheme][0]
    inside = [
        ("smd", GEMM[scheme], 840 * min(time, 1)),
        ("smd", "Softmax (NC, F32)", 61),
        ("smd", "Convolution (NHWC, F32) DWConv", 73),
        ("head", GEMM[scheme], 190 * min(time, 1)),
        ("codec", GEMM[scheme], 160 * min(time, 1)),
        ("codec", "Batch Matrix Multiply (NC, F32) GEMM", 88),
        ("text_encoder", GEMM[scheme], 35 * min(time, 1)),
    ]
    outside = [("smd", "aten::embedding.out", 9.4)]
    if scheme == "8da4w":
        outside += [
            ("smd", "torchao::dequantize_affine.out", 702),
            ("head", "torchao::choose_qparams_affine.out", 121),
        ]
    if scheme != "fp32":
        inside.append(("smd", "Convert (NC, F32, QD8)", 54))
    listed = [(method, name, "delegate", ms) for method, name, ms in inside]
    listed += [(method, name, "", ms) for method, name, ms in outside]
    return tuple(
        {"method": method, "name": name, "delegate": delegate, "calls": 15, "total_ms": ms}
        for method, name, delegate, ms in sorted(listed, key=lambda entry: -entry[3])
    )


def methods_of(scheme):
    outside = {"aten.embedding": 1} | (
        {"torchao.dequantize_affine": 11} if scheme == "8da4w" else {}
    )
    facts = {
        "delegates": 1,
        "delegated_nodes": 212,
        "delegated_macs_share": 0.998,
        "planned_bytes": 3_300_000,
        "quantized_params": 0,
        "total_params": 9_500_000,
        "quantized_macs": 0,
        "total_macs": 7_300_000_000,
        "calibration_samples": 0,
        "snr_db": 38.2,
        "max_abs_error": 0.01,
    }
    return {
        "smd": {**facts, "other_operators": outside},
        "codec": {**facts, "other_operators": {}},
    }


def write_tone(path, frames, pitch_hz):
    path.parent.mkdir(parents=True, exist_ok=True)
    ticks = np.arange(frames * 320) / 24_000
    loud = np.sin(2 * np.pi * pitch_hz * ticks) * np.abs(np.sin(2 * np.pi * 1.7 * ticks))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes((loud * 9000).astype("<i2").tobytes())


def row_of(case, seed, folder):
    audio = f"0007_3f2a9c1/{case.scheme}-{case.backend}-{case.utterance}.wav"
    write_tone(folder / audio, UTTERANCES[case.utterance], 150 + 40 * seed)
    left_out = () if case.scheme == "fp32" else (("codec.istft", "not a weight: a fixed basis"),)
    return Row(
        case,
        Outcome.OK,
        metrics=metrics_of(case.scheme, case.utterance, seed),
        warnings=("UNTRAINED", "UNSTEADY") if case.utterance == "short" else ("UNTRAINED",),
        operators=operators_of(case.scheme),
        left_out=left_out,
        methods=methods_of(case.scheme),
        audio=audio,
    )


def header_of(cases):
    texts = {
        "short": "Good morning.",
        "plain": "The train to the coast leaves from platform nine at half past four.",
        "long": "When the wind turned, the boats came in one after the other, and by the time the"
        " last of them was tied up the harbour was quiet again; only the gulls went on.",
    }
    return Header(
        run="0007_3f2a9c1",
        started_at="2026-02-11T09:14:03+00:00",
        commit="3f2a9c1d77aa",
        device=DeviceInfo(
            "host", "host", "Intel Xeon Platinum 8481C", "Debian GNU/Linux 12", "x86_64",
            "Intel Xeon Platinum 8481C", 2, 24 * 2**30,
        ),
        schedule=Schedule(repeats=5, warmup=1, iterations=3, cooldown_s=0.0, threads=2),
        versions={"torch": "2.13.0", "executorch": "1.5.1", "torchao": "0.18.0"},
        model={
            "name": "base", "weights": "random, seeded",
            "codec": "own", "codec_weights": "random, seeded",
        },
        trained=False,
        passes=(8, 1, 1, 1, 1, 1, 1, 1),
        utterances={name: {"text": said, "prompt": "anna"} for name, said in texts.items()},
        cases=cases,
    )  # fmt: skip


def sample_run(folder):
    """Twelve cases of which one failed and one was skipped; their audio lies in `folder`."""
    cases = tuple(Case(s, "xnnpack", u, "base") for u in UTTERANCES for s in SCHEMES)
    rows = [row_of(case, seed, folder) for seed, case in enumerate(cases)]
    by_case = {(row.case.scheme, row.case.utterance): n for n, row in enumerate(rows)}
    failed = by_case["int8-static", "long"]
    rows[failed] = Row(
        cases[failed],
        Outcome.RUN,
        FAILURE,
    )
    skipped = by_case["8da4w", "short"]
    rows[skipped] = Row(cases[skipped], Outcome.SKIPPED, SKIP)
    return Run(header_of(cases), tuple(rows))


def many_rows(run, number):
    """The same run over so many utterances that it has `number` rows or a few more."""
    good = [row for row in run.rows if row.case.utterance == "plain"]
    rows = [
        replace(row, case=replace(row.case, utterance=f"u{count:04d}"))
        for count in range(math.ceil(number / len(good)))
        for row in good
    ]
    said = {row.case.utterance: run.header.utterances["plain"] for row in rows}
    header = replace(run.header, utterances=said, cases=tuple(row.case for row in rows))
    return Run(header, tuple(rows))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="session")
def run(folder):
    return sample_run(folder)


@pytest.fixture(scope="session")
def big_run(run):
    return many_rows(run, 1000)


@pytest.fixture(scope="session")
def hostile_run(run):
    """The same run with markup wherever a run has text of others' making."""
    rows = [
        replace(
            row,
            case=replace(row.case, scheme=HOSTILE, utterance=HOSTILE),
            reason=HOSTILE,
            warnings=(HOSTILE,),
            operators=tuple({**op, "name": HOSTILE, "method": HOSTILE} for op in row.operators),
        )
        for row in run.rows
    ]
    device = replace(run.header.device, model=HOSTILE)
    header = replace(run.header, run=HOSTILE, device=device, versions={HOSTILE: HOSTILE})
    return replace(run, header=header, rows=tuple(rows))
