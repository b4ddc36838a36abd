"""The files that pass between harness and runner: a request in, a report, codes and waveform out.

Both runners, the Python child of the device `host` and the native one, read and write these.

Request (`request.txt`): lines of a key and values between single spaces; floats in C's hexadecimal
form, so that nothing is lost. In this order of keys:

    format 1
    frames_per_step 2 · max_frames 1536 · max_prompt_frames 768
    chunk_frames 75 · lookahead_frames 29                  (each of these on a line of its own)
    seed 0 · temperature 0x1p+0 · top_k 50 · position_temperature 0x1p+0 · layer_penalty 0x1.4p+2
    pass REMAINING CHANNEL...                              one line per pass, in order
    prompt_codes CODE...                                   Q x P codes, by channel
    sentence PHONEME...                                    one line per sentence

Report (`report.json`): one object with the fields of `Repeat` but codes and waveform, `backends`
and `warmup_ms` as lists, `trials` as a list of objects with the fields of `Trial`, and
`"format": 1`. Codes (`codes.bin`): Q x T little-endian int16, by channel. Waveform
(`waveform.bin`): N little-endian float32. With `--profile` the report is `{"format": 1}` alone and
each method leaves `METHOD.etdump`.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from devices.base import Job, Repeat
from devices.tables import from_table
from model.config import N_CODEBOOK
from model.decoding import Codes, DecodingOptions, Pass
from model.errors import ConfigError, DeviceError
from model.generate import Float32, Limits, Request

FORMAT = 1


def write_request(path: Path, job: Job) -> None:
    """Write a job's request file."""
    request, options = job.request, job.request.options
    lines: list[tuple[object, ...]] = [("format", FORMAT)]
    lines += list(asdict(job.limits).items())
    lines += [
        ("seed", options.seed),
        ("temperature", options.temperature.hex()),
        ("top_k", options.top_k),
        ("position_temperature", options.position_temperature.hex()),
        ("layer_penalty", options.layer_penalty.hex()),
    ]
    lines += [("pass", step.remaining.hex(), *step.channels) for step in options.plan]
    lines.append(("prompt_codes", *request.prompt_codes.ravel().tolist()))
    lines += [("sentence", *sentence) for sentence in request.sentences]
    path.write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))


def read_request(path: Path, pte: Path) -> Job:
    """Read a job back from its request file.

    Raises:
        DeviceError: The file is missing, damaged, or of another format.
    """
    try:
        lines = [line.split(" ") for line in path.read_text().splitlines()]
        single = {key: values[0] for key, *values in lines}
        if int(single["format"]) != FORMAT:
            raise DeviceError(f"{path} is not of format {FORMAT}")
        plan = [
            (tuple(map(int, channels)), float.fromhex(remaining))
            for key, remaining, *channels in lines
            if key == "pass"
        ]
        codes = next(values for key, *values in lines if key == "prompt_codes")
        request = Request(
            sentences=tuple(tuple(map(int, values)) for key, *values in lines if key == "sentence"),
            prompt_codes=np.asarray(codes, np.int64).reshape(N_CODEBOOK, -1),
            options=DecodingOptions(
                plan=tuple(Pass(index, *step) for index, step in enumerate(plan)),
                temperature=float.fromhex(single["temperature"]),
                top_k=int(single["top_k"]),
                position_temperature=float.fromhex(single["position_temperature"]),
                layer_penalty=float.fromhex(single["layer_penalty"]),
                seed=int(single["seed"]),
            ),
        )
        limits = Limits(**{limit.name: int(single[limit.name]) for limit in fields(Limits)})
        return Job(pte, limits, request)
    except (OSError, ValueError, LookupError, StopIteration) as error:
        raise DeviceError(f"the request {path} cannot be read: {error}") from error


def write_report(folder: Path, repeat: Repeat) -> None:
    """Write what one repeat found."""
    report = {
        name: value for name, value in vars(repeat).items() if name not in ("codes", "waveform")
    }
    report["trials"] = [vars(trial) for trial in repeat.trials]
    write_speech(folder, repeat.codes, repeat.waveform)
    (folder / "report.json").write_text(json.dumps({"format": FORMAT, **report}))


def write_speech(folder: Path, codes: Codes, waveform: Float32) -> None:
    """Write (Q, T) codes and (N,) samples."""
    codes.astype("<i2").tofile(folder / "codes.bin")
    waveform.astype("<f4").tofile(folder / "waveform.bin")


def read_speech(folder: Path) -> tuple[Codes, Float32]:
    """Read (Q, T) codes and (N,) samples.

    Raises:
        OSError: A file is missing.
        ValueError: A file is cut off.
    """
    codes = np.fromfile(folder / "codes.bin", "<i2").astype(np.int64).reshape(N_CODEBOOK, -1)
    return codes, np.fromfile(folder / "waveform.bin", "<f4").astype(np.float32)


def read_facts(where: Path) -> dict[str, Any]:
    """Read the table of what a process found.

    Raises:
        DeviceError: It is of another format.
        OSError: The file is missing.
        ValueError: It is damaged.
    """
    report = json.loads(where.read_text(encoding="utf-8"))
    if not isinstance(report, dict) or report.pop("format", None) != FORMAT:
        raise DeviceError(f"{where} is not of format {FORMAT}")
    return report


def read_report(folder: Path) -> Repeat:
    """Read what one repeat found.

    Raises:
        DeviceError: A file is missing, damaged, or of another format.
    """
    where = folder / "report.json"
    try:
        report = read_facts(where)
        codes, waveform = read_speech(folder)
        return from_table(Repeat, report, str(where), codes=codes, waveform=waveform)
    except (OSError, ValueError, RecursionError, ConfigError) as error:
        raise DeviceError(f"the runner's report in {folder} cannot be read: {error}") from error
