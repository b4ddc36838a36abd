"""False alarms of decision rules, and how often they find a slowdown, on the same samples.

`python benchmarks/decision_rules.py` compares simulated runs whose noise is resampled from recorded
ones (`--recorded RUN.json ...`) and shaped as timings are: heavy tails, two modes, drift, sessions
that differ. The truth is known, so every verdict is right or wrong. It prints the tables of
docs/measuring.md.

The rules, each at its defaults:
- ours, `bench.comparing.judging`, on medians of repeats;
- asv's (`asv continuous`): Mann and Whitney's test on all iterations, two-sided p < 0.002, and a
  ratio beyond its factor (1.1 by default; 1.05 to find 5 %);
- pytest-benchmark's `--benchmark-compare-fail=median:5%`, `mean:5%` and `min:5%`: the ratio of the
  statistic over all iterations beyond 1.05. It needs two samples, no test.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.comparing.calibration import floor_from
from bench.comparing.judging import Findings, compare_rounds, compare_runs, decide, reach
from bench.comparing.power import Rule
from bench.comparing.resampling import intervals
from bench.comparing.verdicts import Verdict
from bench.results import load_run
from bench.stopping import interval, settled
from devices.schedule import Schedule

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, int]], Floats]

TOLERANCE, SLOWDOWN = np.log1p(0.02), np.log1p(0.05)
PILOT = 10  # repeats
ITERATIONS = 10  # per repeat
WITHIN = 0.01  # spread of iterations in a repeat
RULE = Rule()


def shapes(recorded: Floats, spread: float) -> dict[str, Noise]:
    """Name the kinds of noise, in logarithms; all but the recorded one have a given spread."""
    kinds: dict[str, Noise] = {
        "normal": lambda r, shape: spread * r.standard_normal(shape),
        "heavy tails (t, 3 degrees)": lambda r, shape: spread * r.standard_t(3, shape) / np.sqrt(3),
        "skewed (exponential)": lambda r, shape: spread * r.standard_exponential(shape),
        "two modes (1 in 5, 3 spreads apart)": lambda r, shape: (
            spread * (0.3 * r.standard_normal(shape) + 3 * (r.random(shape) < 0.2))
        ),
    }
    if len(recorded):
        kinds = {"recorded": lambda r, shape: r.choice(recorded, shape), **kinds}
    return kinds


def read_recorded(paths: list[Path]) -> Floats:
    """Read the repeats of every case of some runs, each relative to the case's median."""
    residuals = []
    for path in paths:
        for row in load_run(path).rows:
            if "rtf" in row.metrics:
                samples = np.log(row.metrics["rtf"].samples)
                residuals.append(samples - np.median(samples))
    return np.concatenate(residuals) if residuals else np.empty(0)


def judge(found: Findings) -> list[Verdict]:
    """Give verdicts on one gating metric."""
    ones = np.ones(len(found.effect))
    return decide(found, ones, TOLERANCE * ones, (found.larger_p, found.smaller_p), RULE)


def ours(base: Floats, candidate: Floats) -> list[Verdict]:
    """Judge pairs of runs, (N, K) repeats each."""
    return judge(compare_runs(base, candidate, np.zeros(len(base))))


def share(verdicts: list[Verdict], wanted: Verdict) -> float:
    """Return the share of a verdict."""
    return verdicts.count(wanted) / len(verdicts)


def iterations(rng: np.random.Generator, repeats: Floats) -> Floats:
    """Make the iterations of repeats, (N, K * ITERATIONS), in milliseconds."""
    within = WITHIN * rng.standard_normal((*repeats.shape, ITERATIONS))
    return np.exp(repeats[..., None] + within).reshape(len(repeats), -1)


def others(base: Floats, candidate: Floats) -> dict[str, NDArray[np.bool_]]:
    """Say what each other rule calls slower, from all iterations."""
    p_value = stats.mannwhitneyu(base, candidate, axis=1, method="asymptotic").pvalue
    ratio = np.median(candidate, axis=1) / np.median(base, axis=1)
    return {
        "asv 1.1": (p_value < 0.002) & (ratio > 1.1),
        "asv 1.05": (p_value < 0.002) & (ratio > 1.05),
        "p-b median:5%": ratio > 1.05,
        "p-b mean:5%": candidate.mean(axis=1) / base.mean(axis=1) > 1.05,
        "p-b min:5%": candidate.min(axis=1) / base.min(axis=1) > 1.05,
    }


def identical(rng: np.random.Generator, kinds: dict[str, Noise], count: int) -> Iterator[list[str]]:
    """Compare identical programs: every "slower" is false."""
    for name, noise in kinds.items():
        base, candidate = noise(rng, (count, PILOT)), noise(rng, (count, PILOT))
        wrong = others(iterations(rng, base), iterations(rng, candidate))
        verdicts = ours(base, candidate)
        yield [
            name,
            percent(share(verdicts, Verdict.REGRESSED)),
            *(percent(float(slower.mean())) for slower in wrong.values()),
        ]


def slowed(rng: np.random.Generator, kinds: dict[str, Noise], count: int) -> Iterator[list[str]]:
    """Compare with a program 5 % slower, over the repeats that a pilot of identical ones names."""
    for name, noise in kinds.items():
        pilot = compare_runs(
            noise(rng, (count, PILOT)), noise(rng, (count, PILOT)), np.zeros(count)
        )
        ones = np.ones(count)
        needed = reach(pilot, TOLERANCE * ones, SLOWDOWN * ones, RULE, 1).to_find
        found: list[Verdict] = []
        same: list[Verdict] = []
        theirs: dict[str, list[bool]] = {}
        for repeats in np.unique(needed[needed > 0]):
            shape = int((needed == repeats).sum()), int(repeats)
            base, slower = noise(rng, shape), noise(rng, shape) + SLOWDOWN
            found += ours(base, slower)
            same += ours(noise(rng, shape), noise(rng, shape) + TOLERANCE)
            for rule, said in others(iterations(rng, base), iterations(rng, slower)).items():
                theirs.setdefault(rule, []).extend(said.tolist())
        yield [
            name,
            f"{np.median(needed):.0f}",
            percent(share(found, Verdict.REGRESSED)),
            *(percent(float(np.mean(said))) for said in theirs.values()),
            percent(share(same, Verdict.SAME)),
        ]


def autocorrelated(rng: np.random.Generator, shape: tuple[int, int], like: float) -> Floats:
    """Make repeats with a spread of 1 that take after the one before; 1 is a walk."""
    noise = rng.standard_normal(shape)
    if like == 1:
        return np.cumsum(noise, axis=1)
    for place in range(1, shape[1]):
        noise[:, place] = like * noise[:, place - 1] + np.sqrt(1 - like**2) * noise[:, place]
    return noise


def drifting(rng: np.random.Generator, count: int, spread: float) -> Iterator[list[str]]:
    """Compare on a device that drifts: measured in turns, and one run after the other."""
    rounds = 16
    for title, like in (("takes after the round before (0.5)", 0.5), ("walks", 1.0)):
        for name, slower in (("identical", 0.0), ("5 % slower", SLOWDOWN)):
            drift = spread * autocorrelated(rng, (count, 2 * rounds), like)
            own = spread / 2 * rng.standard_normal((2, count, rounds))
            base, candidate = own + drift[:, :rounds]
            turns = judge(compare_rounds(candidate + slower - base))
            later = own[1] + drift[:, rounds:]
            apart = ours(base, later + slower)
            found = [percent(share(v, Verdict.REGRESSED)) for v in (turns, apart)]
            yield [f"{title}, {name}", *found]


def sessions(rng: np.random.Generator, count: int, spread: float) -> Iterator[list[str]]:
    """Compare identical programs in sessions that differ, without and with a calibration."""
    for shift in (0.01, 0.03):

        def session(number: int, shift: float = shift) -> Floats:
            own = shift * rng.standard_normal((number, 1))
            return own + spread * rng.standard_normal((number, PILOT))

        base, candidate = session(count), session(count)
        found = [judge(compare_runs(base, candidate, np.zeros(count)))]
        for learnt in (3, 6):
            sides = session(count * learnt)
            medians = np.median(sides, axis=1).reshape(count, learnt)
            errors = intervals(None, sides)[2].reshape(count, learnt)
            both = zip(medians.var(axis=1, ddof=1), (errors**2).mean(axis=1), strict=True)
            floors = np.array([floor_from(*one, learnt) for one in both])
            found.append(judge(compare_runs(base, candidate, floors)))
        yield [percent(shift), *(percent(share(v, Verdict.REGRESSED)) for v in found)]


def adaptive(rng: np.random.Generator, kinds: dict[str, Noise], count: int) -> Iterator[list[str]]:
    """Measure until the interval is ±2 %: does it hold the median, and are comparisons sound?"""
    schedule = Schedule(until=0.02)

    def run(noise: Noise) -> list[float]:
        drawn = np.exp(noise(rng, (1, schedule.most_repeats))[0])
        for repeats in range(1, schedule.most_repeats + 1):
            if settled(drawn[:repeats].tolist(), schedule):
                return list(drawn[:repeats])
        raise AssertionError("settled at the last repeat")

    for name, noise in kinds.items():
        truth = np.median(np.exp(noise(rng, (4000, 50))))
        held, wrong, taken = [], 0, []
        for _ in range(count):
            base, candidate = run(noise), run(noise)
            found = interval(base, schedule.repeats, schedule.most_repeats)
            held.append(found is not None and found[0] <= truth <= found[1])
            taken.append(len(base))
            logs = np.log([base]), np.log([candidate])
            wrong += ours(*logs)[0] is Verdict.REGRESSED
        yield [name, f"{np.median(taken):.0f}", percent(np.mean(held)), percent(wrong / count)]


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def table(title: str, head: list[str], rows: Iterator[list[str]]) -> None:
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recorded", type=Path, nargs="*", default=[], help="run files")
    parser.add_argument("--count", type=int, default=2000, help="comparisons per cell")
    parser.add_argument("--spread", type=float, default=0.02, help="of repeats, in logarithms")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    recorded = read_recorded(arguments.recorded)
    kinds = shapes(recorded, arguments.spread)
    rules = ["ours", "asv 1.1", "asv 1.05", "p-b median:5%", "p-b mean:5%", "p-b min:5%"]
    count, spread = arguments.count, arguments.spread
    print(f"{count} comparisons per cell")
    for wide in (spread, 4 * spread):
        table(
            f"Identical programs called slower, {PILOT} repeats that differ by {percent(wide)}",
            ["noise", *rules],
            identical(rng, shapes(recorded, wide), count),
        )
    table(
        f"A true 5 % slowdown found, with the repeats that ours names; spread {percent(spread)}",
        ["noise", "repeats (median)", *rules, "2 % called same by ours"],
        slowed(rng, kinds, count),
    )
    table(
        "On a device that drifts, called slower by ours (16 rounds)",
        ["drift, truth", "in turns (bench ab)", "one after the other"],
        drifting(rng, count, spread),
    )
    table(
        "Identical programs in sessions that differ, called slower by ours",
        ["sessions differ by", "no calibration", "calibration of 3 sessions", "of 6 sessions"],
        sessions(rng, count, spread),
    )
    table(
        "Measured until ±2 %",
        ["noise", "repeats (median)", "interval holds the median", "identical called slower"],
        adaptive(rng, kinds, max(200, count // 4)),
    )


if __name__ == "__main__":
    main()
