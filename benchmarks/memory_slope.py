"""Memory of the native runner: its peak beside the .pte's size, and whether it grows.

Run: `python benchmarks/memory_slope.py [--model base] [--syntheses 1000] [--json FILE]`.
The peak is the kernel's (`VmHWM`), reset after loading. For growth, one process speaks again and
again (`tiny`, a short sentence) while its own resident memory, without mapped files, is read from
outside; the slope is that of a straight line through the second half.
"""

import argparse
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from goals import Goal, Report, at_most
from model_under_test import ModelUnderTest, choice_of, core_counts, finish, lowered, parser_of

from devices.base import Job
from devices.bundle import build_bundle
from devices.exchange import read_report
from devices.host_native import host_abi
from devices.runner_call import check_outcome, runner_arguments
from devices.schedule import Schedule
from model.choice import ModelChoice
from model.utterance import built_in_utterances

PEAK_GOAL = 1.5
FLAT_BYTES = 1024.0  # per synthesis: a megabyte in a thousand
INTERVAL_S = 0.02
BLOCKS = 8
STUDENT_T = 2.447  # of BLOCKS - 2 degrees of freedom, 95 %


@dataclass(frozen=True)
class Slope:
    """How resident memory changes per synthesis, in bytes.

    Attributes:
        low: Lower end of the 95 % interval.
        mean: Of the slope.
        high: Upper end.
        own: Bytes that the report keeps per synthesis, which the runner must hold.
    """

    low: float
    mean: float
    high: float
    own: float


def watch(job: Job, syntheses: int, threads: int) -> Slope:
    """Have the runner speak again and again, and read its resident memory meanwhile."""
    bundle = build_bundle(host_abi())
    schedule = Schedule(warmup=1, iterations=syntheses, threads=threads)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        request = job.write(folder)["request.txt"]
        arguments = runner_arguments(job.pte.resolve(), request, folder, schedule)
        seen: list[tuple[float, int]] = []
        with subprocess.Popen(
            [*bundle.command, *arguments],
            cwd=bundle.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            while process.poll() is None:
                seen.append((time.perf_counter(), anonymous_bytes(process.pid)))
                time.sleep(INTERVAL_S)
            answer = process.stdout.read() if process.stdout else ""
        check_outcome(process.returncode, answer, "")
        report_bytes = (folder / "report.json").stat().st_size
        spoken_s = sum(trial.wall_ms for trial in read_report(folder).trials) / 1e3
    return slope_of([point for point in seen if point[1]], syntheses, spoken_s, report_bytes)


def anonymous_bytes(pid: int) -> int:
    """Read a process's own resident memory; 0 where it has just ended.

    Mapped files are not in it: the kernel takes their pages back and reads them again as it likes.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def slope_of(
    seen: list[tuple[float, int]], syntheses: int, spoken_s: float, report_bytes: int
) -> Slope:
    """Fit lines to the second half, when every buffer has had its size."""
    times, resident = (np.array(column, float) for column in zip(*seen, strict=True))
    spoken = (times - times[-1]) * syntheses / spoken_s + syntheses
    late = spoken >= syntheses / 2
    spoken, resident = spoken[late], resident[late]
    # A line through the means of blocks: neighbouring readings are not independent, blocks nearly.
    means = np.array(
        [
            (block.mean(), held.mean())
            for block, held in zip(
                np.array_split(spoken, BLOCKS), np.array_split(resident, BLOCKS), strict=True
            )
        ]
    )
    (mean, _), covariance = np.polyfit(means[:, 0], means[:, 1], 1, cov=True)
    mean, half = float(mean), STUDENT_T * float(np.sqrt(covariance[0, 0]))
    return Slope(mean - half, mean, mean + half, report_bytes / syntheses)


def peak_rows(subject: ModelUnderTest, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Put each scheme's peak beside its .pte and planned activations."""
    request = subject.request(built_in_utterances()["medium"])
    rows = []
    for scheme, artifact in subject.artifacts.items():
        schedule = Schedule(warmup=1, iterations=1, threads=arguments.threads)
        found = subject.measure(scheme, request, schedule)
        pte, planned = artifact.manifest.pte_bytes, found.planned_bytes or 0
        rows.append(
            {
                "scheme": scheme,
                ".pte, MB": pte / 1e6,
                "planned, MB": planned / 1e6,
                "before loading, MB": found.base_rss_bytes / 1e6,
                "peak of loading, MB": found.load_peak_rss_bytes / 1e6,
                "peak of speaking, MB": found.peak_rss_bytes / 1e6,
                "of .pte and planned": found.peak_rss_bytes / (pte + planned),
                "the same, above the empty process": (found.peak_rss_bytes - found.base_rss_bytes)
                / (pte + planned),
            }
        )
    return rows


def goals_of(rows: list[dict[str, Any]], slope: Slope, syntheses: int) -> list[Goal]:
    goals = [
        at_most(
            f"{row['scheme']}: peak at most {PEAK_GOAL} x .pte and planned activations",
            row["of .pte and planned"],
            PEAK_GOAL,
            "x",
            f"{row['the same, above the empty process']:.2f} x without the empty process. The .pte"
            " is mapped; XNNPACK packs a copy of the weights, and plans activations inside"
            " delegates by itself",
        )
        for row in rows
    ]
    flat = at_most(
        f"flat over {syntheses:,} syntheses (upper end below {FLAT_BYTES:.0f} bytes each)",
        slope.high,
        FLAT_BYTES,
        "bytes per synthesis",
        f"slope {slope.mean:.0f}, 95 % interval {slope.low:.0f} to {slope.high:.0f}; the report"
        f" itself keeps {slope.own:.0f} of each",
    )
    return [*goals, flat]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--syntheses", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=core_counts()[-1])
    arguments = parser.parse_args()
    rows = peak_rows(lowered(choice_of(arguments), arguments.schemes), arguments)
    small = lowered(ModelChoice("tiny"), ("fp32",))
    job = small.job("fp32", small.request(built_in_utterances()["short"]))
    slope = watch(job, arguments.syntheses, arguments.threads)
    finish(Report("Memory", rows, goals_of(rows, slope, arguments.syntheses)), arguments)


if __name__ == "__main__":
    main()
