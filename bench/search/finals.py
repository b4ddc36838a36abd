"""What is lowered and measured in the end, and whether a mixed scheme won."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.results import Outcome, Run
from bench.search.space import Candidate
from bench.search.study import Found
from bench.stats import summarize
from bench.warnings import FEWEST_REPEATS
from quantization.scheme_files import FLOAT, write_scheme
from quantization.sensitivity import Damage

MARGIN = 0.02  # by which a scheme that is as fast may be slower: what sessions differ by
ENOUGH = 0.5  # of a uniform scheme's distance: below it a mixed one is worth its trouble


@dataclass(frozen=True)
class Result:
    """A scheme that was lowered and measured.

    Attributes:
        scheme: Its name.
        mixed: False for a uniform one.
        rtf: Median over rounds.
        distance: Of the lowered program from fp32.
        pte_bytes: Its size.
        reason: Why there are no numbers.
    """

    scheme: str
    mixed: bool
    rtf: float = 0.0
    distance: float = 0.0
    pte_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """A mixed scheme against the fastest uniform int8 one.

    Attributes:
        mixed: The scheme.
        uniform: What it is compared with.
        ratio: Of their RTF, round by round: median, and the ends of its 95 % interval.
        distance_ratio: Of their distances.
        rounds: That were compared.
    """

    mixed: str
    uniform: str
    ratio: tuple[float, float, float]
    distance_ratio: float
    rounds: int

    @property
    def as_fast(self) -> bool:
        """Whether the rounds rule out that it is slower by more than `MARGIN`; too few do not."""
        return self.rounds >= FEWEST_REPEATS and self.ratio[2] <= 1 + MARGIN

    @property
    def wins(self) -> bool:
        """Whether it is as fast, at less than half the distance."""
        return self.as_fast and self.distance_ratio < ENOUGH


def finalists(front: Sequence[Found], uniform: Found, count: int) -> list[Found]:
    """Choose what to lower: those that should win, else those that come nearest to it.

    Args:
        front: Fastest first.
        uniform: The uniform scheme to beat, as predicted.
        count: At most as many.
    """
    nearer = [one for one in front if one.distance < ENOUGH * uniform.distance]
    winning = [one for one in nearer if one.ms <= uniform.ms]
    # The fastest of all that are near enough; the nearest of all that are fast enough; between.
    wanted = [*nearer[:1], *winning[-1:], *winning[len(winning) // 2 :][:1], *front[-1:]]
    chosen: list[Found] = []
    for one in wanted:
        if one not in chosen:
            chosen.append(one)
    return chosen[:count]


def write_finalists(
    chosen: Sequence[Found], damages: Sequence[Damage], folder: Path
) -> tuple[str, ...]:
    """Write finalists as files of schemes; returns the files."""
    files = []
    for one in chosen:
        path = folder / f"mixed-{one.number}.toml"
        summary = f"trial {one.number}: {one.ms:.0f} ms and {one.distance:.2%} from fp32 predicted"
        write_scheme(path, summary, FLOAT, in_order(one.candidate, damages))
        files.append(str(path))
    return tuple(files)


def in_order(candidate: Candidate, damages: Sequence[Damage]) -> dict[str, str]:
    """List what is quantized, the part that does the most damage first."""
    held = {damage.part: candidate[damage.part] for damage in damages}
    return {part: scheme for part, scheme in held.items() if scheme != FLOAT}


def results_of(run: Run, distances: Mapping[str, float], uniform: Sequence[str]) -> list[Result]:
    """Put speed and distance of every scheme of the final run together, fastest first."""
    found = []
    for row in run.rows:
        scheme = row.case.scheme
        if row.outcome is not Outcome.OK:
            found.append(Result(scheme, scheme not in uniform, reason=row.reason))
            continue
        rtf, size = row.metrics["rtf"].median, int(row.metrics["pte_bytes"].median)
        found.append(Result(scheme, scheme not in uniform, rtf, distances[scheme], size))
    return sorted(found, key=lambda result: (bool(result.reason), result.rtf))


def verdicts(run: Run, results: Sequence[Result], int8: Sequence[str]) -> list[Verdict]:
    """Compare every mixed scheme with the fastest uniform int8 one, round by round."""
    rounds = {row.case.scheme: row.metrics["rtf"].samples for row in run.rows if row.metrics}
    fit = [result for result in results if not result.reason]
    best = next((result for result in fit if result.scheme in int8), None)
    if best is None:
        return []
    return [
        Verdict(
            result.scheme,
            best.scheme,
            ratio_of(rounds[result.scheme], rounds[best.scheme]),
            result.distance / best.distance,
            len(rounds[result.scheme]),
        )
        for result in fit
        if result.mixed
    ]


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Divide round by round: the median, and the ends of its interval."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    summary = summarize(ratios, "ratio")
    return summary.median, summary.low, summary.high
