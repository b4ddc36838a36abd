"""What a search found: its front, its history in a line, and how the finalists did."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.search.explore import HELD, Explored
from bench.search.finals import Result, Verdict
from bench.search.study import Found
from quantization.scheme_files import FLOAT
from reports.grid import WRITERS
from reports.units import MISSING, printable

MEBI = 1 << 20
FRONT = ("trial", "predicted ms", "predicted RTF", "distance", *(f"in {s}" for s in (FLOAT, *HELD)))
FINAL = ("scheme", "RTF", "distance", "MiB")


def render(explored: Explored, results: Sequence[Result], won: Sequence[Verdict], form: str) -> str:
    """Write the front, what was tried, and the finalists."""
    write = WRITERS[form]
    history, audio_ms = explored.history, explored.space.audio_ms
    lines = [["uniform 8da8w", *front_line(explored.uniform, audio_ms)[1:]]]
    lines += [front_line(found, audio_ms) for found in history.front]
    blocks = [
        f"{history.trials} trials: {len(history.found)} evaluated, {history.pruned} pruned by"
        f" prediction; {len(history.front)} on the front",
        write(FRONT, 1, lines),
    ]
    if results:
        blocks.append(write(FINAL, 1, [result_line(result) for result in results]))
    blocks += [verdict_words(verdict) for verdict in won]
    if results and not any(verdict.wins for verdict in won):
        blocks.append(f"None of {history.trials} trials gave a scheme that wins.")
    return "\n\n".join(block.rstrip("\n") for block in blocks) + "\n"


def front_line(found: Found, audio_ms: float) -> list[str]:
    """Write a candidate: what is predicted, what was measured, and how many parts are held how."""
    held = Counter(found.candidate.values())
    counts = [str(held[scheme]) for scheme in (FLOAT, *HELD)]
    rtf = found.ms / audio_ms
    return [str(found.number), f"{found.ms:.0f}", f"{rtf:.3f}", f"{found.distance:.2%}", *counts]


def result_line(result: Result) -> list[str]:
    """Write a scheme that was measured; dashes, and the reason, where there are no numbers."""
    if result.reason:
        return [f"{result.scheme}: {printable(result.reason)}", *[MISSING] * (len(FINAL) - 1)]
    size = f"{result.pte_bytes / MEBI:.1f}"
    return [result.scheme, f"{result.rtf:.3f}", f"{result.distance:.2%}", size]


def verdict_words(verdict: Verdict) -> str:
    """Say how a mixed scheme did against the fastest uniform int8 one."""
    median, low, high = verdict.ratio
    said = "wins" if verdict.wins else "does not win"
    return (
        f"{verdict.mixed} {said}: {median:.3f} of the RTF of {verdict.uniform}"
        f" ({low:.3f} to {high:.3f}, round by round), {verdict.distance_ratio:.2f} of its distance"
    )


def document(
    explored: Explored, results: Sequence[Result], won: Sequence[Verdict]
) -> dict[str, Any]:
    """Arrange everything for JSON, every trial of the history among it."""
    return {
        "uniform": asdict(explored.uniform),
        "history": asdict(explored.history),
        "results": [asdict(result) for result in results],
        "verdicts": [{**asdict(verdict), "wins": verdict.wins} for verdict in won],
    }
