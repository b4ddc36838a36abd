"""How near the model comes to what this machine can do: matrix kernels, memory, every method.

Run: `python benchmarks/roofline.py [--model base] [--threads 2] [--json FILE]`.
Each matrix product of a synthesis is lowered as a graph of its own and timed in the same runner
with the same threads: the sum over a method's products is the least time that XNNPACK's kernels
could take for it. What a method takes longer goes to everything else: norms, softmax, GELU, weights
that have left the cache; a trace of the operators says to what.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from goals import Goal, Report, at_least
from matrix_products import Kind, Products, best_ms, products_of
from model_under_test import ModelUnderTest, choice_of, core_counts, finish, lowered, parser_of

from bench.operators import operator_kind
from devices.base import OperatorTime, Trial
from devices.host_native import HostNative
from devices.schedule import Schedule
from lowering.artifact import MethodFacts
from model.generate import STAGES, Request
from model.utterance import built_in_utterances

SQUARE = (Kind("linear", 1024, 1024), 1024)
SMD_GOAL, SYNTHESIS_GOAL = 70.0, 60.0
STAGE_OF = {"codec_decoder": "codec"} | {f"head_{channel}": "head" for channel in range(8)}
COPIED_BYTES, COPIES = 256 << 20, 5
WHOLE = "whole synthesis"
SMALL = 0.02  # of all multiply-adds: kinds below it are taken to run as fast as the large square


@dataclass(frozen=True, eq=False)
class Kernels:
    """How fast the kernels are, as far as a synthesis needs them.

    Attributes:
        threads: They ran on.
        ms: Best time by kind, rows and scheme.
    """

    threads: int
    ms: Mapping[tuple[Kind, int, str], float]

    @cached_property
    def rates(self) -> Mapping[tuple[Kind, str], float]:
        """Multiply-adds per millisecond, by kind and scheme."""
        return {
            (kind, scheme): kind.macs(rows) / ms for (kind, rows, scheme), ms in self.ms.items()
        }

    def least_ms(self, kind: Kind, rows: int, scheme: str) -> float:
        """Say how long one product takes at the rate of its kind."""
        rate = self.rates.get((kind, scheme), self.rates[SQUARE[0], scheme])
        return kind.macs(rows) / rate


def time_kernels(products: Products, schemes: Sequence[str], threads: int) -> Kernels:
    """Time every kind of product that matters, at its most rows, in fp32 and in each scheme."""
    all_macs = sum(
        kind.macs(rows) * count
        for counted in products.values()
        for (kind, rows), count in counted.items()
    )
    macs: dict[Kind, int] = {}
    most: dict[Kind, int] = {}
    for counted in products.values():
        for (kind, rows), count in counted.items():
            macs[kind] = macs.get(kind, 0) + kind.macs(rows) * count
            most[kind] = max(most.get(kind, 0), rows)
    wanted = [(kind, most[kind]) for kind in macs if macs[kind] >= SMALL * all_macs]
    ms = {}
    for kind, rows in (SQUARE, *wanted):
        # Only linear layers are quantized; attention and convolutions stay in float.
        for scheme in dict.fromkeys(("fp32", *(schemes if kind.name == "linear" else ()))):
            ms[kind, rows, scheme] = best_ms(kind, rows, scheme, threads)
    return Kernels(threads, ms)


def least_ms(
    counted: Mapping[tuple[Kind, int], int], facts: MethodFacts, scheme: str, kernels: Kernels
) -> float:
    """Sum up the least times of a method's products.

    A scheme may leave some linear layers in float: the manifest tells their share of the
    multiply-adds.
    """
    linear = {key: count for key, count in counted.items() if key[0].name == "linear"}
    total_macs = sum(kind.macs(rows) * count for (kind, rows), count in counted.items())
    linear_macs = sum(kind.macs(rows) * count for (kind, rows), count in linear.items())
    quantized = facts.quantized_macs / max(1, facts.total_macs) * total_macs / max(1, linear_macs)
    share = min(1.0, quantized)

    def of(keys: Iterable[tuple[Kind, int]], held_as: str) -> float:
        return sum(counted[key] * kernels.least_ms(*key, held_as) for key in keys)

    rest = [key for key in counted if key not in linear]
    return share * of(linear, scheme) + (1 - share) * of(linear, "fp32") + of(rest, "fp32")


def copy_gb_per_s(threads: int) -> float:
    """Measure memory bandwidth: bytes read and written by the best of some large copies."""
    torch.set_num_threads(threads)
    source = torch.ones(COPIED_BYTES // 4)
    target = torch.empty_like(source)
    best_s = float("inf")
    for _ in range(COPIES):
        start = time.perf_counter()
        target.copy_(source)
        best_s = min(best_s, time.perf_counter() - start)
    return 2 * COPIED_BYTES / best_s / 1e9


def best_ms_of(trials: Sequence[Trial]) -> dict[str, float]:
    """Take the best time of each stage, and of the whole: kernels are taken at their best too."""
    stages = {stage: min(trial.stage_ms[stage] for trial in trials) for stage in STAGES}
    return {**stages, WHOLE: min(trial.wall_ms for trial in trials)}


def stage_of(method: str) -> str:
    return STAGE_OF.get(method, method)


def scheme_rows(
    subject: ModelUnderTest,
    scheme: str,
    kernels: Kernels,
    products: Products,
    timed: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Put each stage, and all of a synthesis, beside the least time of its products."""
    least = dict.fromkeys(STAGES, 0.0)
    macs = dict.fromkeys(STAGES, 0)
    for method, counted in products.items():
        facts = subject.artifacts[scheme].manifest.methods[method]
        least[stage_of(method)] += least_ms(counted, facts, scheme, kernels)
        macs[stage_of(method)] += sum(k.macs(rows) * n for (k, rows), n in counted.items())
    least[WHOLE], macs[WHOLE] = sum(least.values()), sum(macs.values())
    return [
        {
            "scheme": scheme,
            "threads": kernels.threads,
            "what": stage,
            "ms": timed[stage],
            "GMAC/s": macs[stage] / timed[stage] / 1e6 if timed[stage] else 0.0,
            "kernels alone, ms": least[stage],
            "share of kernels, %": 100 * least[stage] / timed[stage] if timed[stage] else 0.0,
        }
        for stage in (*STAGES, WHOLE)
    ]


def kernel_rows(kernels: Kernels) -> list[dict[str, Any]]:
    return [
        {
            "scheme": scheme,
            "threads": kernels.threads,
            "what": kind.label(rows),
            "ms": ms,
            "GMAC/s": kind.macs(rows) / ms / 1e6,
        }
        for (kind, rows, scheme), ms in kernels.ms.items()
    ]


def where_time_goes(operators: Sequence[OperatorTime], method: str) -> str:
    """Say which kinds of operators a method spends its time in, the costliest first."""
    of_kind: dict[str, float] = {}
    for operator in operators:
        if operator.method == method:
            kind = operator_kind(operator.name)
            of_kind[kind] = of_kind.get(kind, 0.0) + operator.total_ms
    total = sum(of_kind.values()) or 1.0
    costliest = sorted(of_kind.items(), key=lambda item: -item[1])[:6]
    return ", ".join(f"{kind} {100 * ms / total:.0f} %" for kind, ms in costliest)


def goals_of(rows: Sequence[Mapping[str, Any]], traced: Mapping[str, str]) -> list[Goal]:
    """Hold the shares of SMD and synthesis against their goals, per scheme."""
    goals = []
    for row in rows:
        if row["what"] == "smd":
            goal = f"{row['scheme']}: SMD passes at {SMD_GOAL:.0f} % or more of the kernels"
            remark = f"time of a traced pass: {traced[row['scheme']]}"
            goals.append(at_least(goal, row["share of kernels, %"], SMD_GOAL, "%", remark))
        if row["what"] == WHOLE:
            goal = f"{row['scheme']}: whole synthesis at {SYNTHESIS_GOAL:.0f} % or more of them"
            goals.append(at_least(goal, row["share of kernels, %"], SYNTHESIS_GOAL, "%"))
    return goals


def bandwidth_row(threads: int) -> dict[str, Any]:
    measured = copy_gb_per_s(threads)
    return {"scheme": "", "threads": threads, "what": "memory copy", "GB/s": measured}


def measure(
    subject: ModelUnderTest, request: Request, schedule: Schedule, repeats: int
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Say a request in every scheme, in turns; returns best times, and where SMD's time goes."""
    trials: dict[str, list[Trial]] = {scheme: [] for scheme in subject.artifacts}
    for _ in range(repeats):
        for scheme in subject.artifacts:
            trials[scheme] += subject.measure(scheme, request, schedule).trials
    traced = {
        scheme: where_time_goes(HostNative().profile(subject.job(scheme, request), schedule), "smd")
        for scheme in subject.artifacts
    }
    return {scheme: best_ms_of(found) for scheme, found in trials.items()}, traced


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--utterance", default="medium")
    parser.add_argument("--threads", type=int, default=core_counts()[-1])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=4)
    arguments = parser.parse_args()
    choice = choice_of(arguments)
    subject = lowered(choice, arguments.schemes)
    request = subject.request(built_in_utterances()[arguments.utterance])
    products = products_of(choice, request)
    kernels = time_kernels(products, arguments.schemes, arguments.threads)
    schedule = Schedule(warmup=1, iterations=arguments.iterations, threads=arguments.threads)
    timed, traced = measure(subject, request, schedule, arguments.repeats)
    stages = [
        row
        for scheme, times in timed.items()
        for row in scheme_rows(subject, scheme, kernels, products, times)
    ]
    rows = [*kernel_rows(kernels), bandwidth_row(arguments.threads), *stages]
    finish(Report("Roofline", rows, goals_of(stages, traced)), arguments)


if __name__ == "__main__":
    main()
