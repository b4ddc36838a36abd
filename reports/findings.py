"""What came out of a run, in plain sentences."""

from collections import Counter
from collections.abc import Sequence
from math import isnan

import pandas as pd

from bench.results import Outcome, Run
from reports.frames import BASELINE
from reports.summary import Line, name_of
from reports.units import count, text, times


def findings(run: Run, schemes: pd.DataFrame) -> list[str]:
    """Say which scheme is the fastest, what it costs, what others are better at, what is missing.

    Args:
        run: The run.
        schemes: Its `reports.frames.schemes_frame`.
    """
    ranked, missing = ranking(schemes), missing_words(run)
    if not ranked:
        return [missing]
    field = f"{len(ranked)} schemes"
    if len(ranked) < len(schemes):
        field = f"the {len(ranked)} schemes that finished every case"
    sentences = speed_words(run, ranked, field), cost_words(ranked), other_words(ranked), missing
    return [sentence for sentence in sentences if sentence]


def ranking(schemes: pd.DataFrame) -> list[Line]:
    """Order schemes by speed: those that finished every case, all measured ones if none did."""
    measured = schemes[schemes["rtf"].notna()]
    complete = measured[measured["ok"] == measured["cases"]]
    ranked = complete if len(complete) else measured
    return list(ranked.sort_values("rtf").to_dict("records"))


def speed_words(run: Run, ranked: Sequence[Line], field: str) -> str:
    """Say which scheme is the fastest, and how fast that is."""
    best = ranked[0]
    rank = f" is the fastest of {field}: it" if len(ranked) > 1 else ""
    lead = f"On {run.header.device.model}, {name_of(best)}{rank}"
    speed = f"{lead} makes one second of speech in {text(best['rtf'] * 1e3, 'ms')}"
    if best["scheme"] == BASELINE:
        return f"{speed}; none is faster than {BASELINE}." if rank else f"{speed}."
    gain = best["speedup"]
    return f"{speed}." if isnan(gain) else f"{speed}, {times(gain)} as fast as {BASELINE}."


def cost_words(ranked: Sequence[Line]) -> str:
    """Say what the fastest scheme costs in memory, size and distance, as far as known."""
    best, costs = ranked[0], []
    if not isnan(best["peak_rss_bytes"]):
        costs.append(f"{text(best['peak_rss_bytes'], 'bytes')} of memory")
    if not isnan(best["pte_bytes"]):
        others = [line for line in ranked[1:] if line["scheme"] == BASELINE]
        compared = "".join(f" ({BASELINE}: {text(o['pte_bytes'], 'bytes')})" for o in others[:1])
        costs.append(f"a .pte of {text(best['pte_bytes'], 'bytes')}{compared}")
    taken = f"It takes {' and '.join(costs)}." if costs else ""
    if best["scheme"] == BASELINE or isnan(best["lsd_db"]):
        return taken
    distance = f"Its speech is {text(best['lsd_db'], 'dB')} (LSD) away from {BASELINE}'s."
    return f"{taken} {distance}".strip()


def other_words(ranked: Sequence[Line]) -> str:
    """Say which others are the smallest and the closest to fp32."""
    smallest = min(ranked, key=lambda line: line["pte_bytes"])
    compared = [line for line in ranked if line["scheme"] != BASELINE and not isnan(line["lsd_db"])]
    closest = min(compared, key=lambda line: line["lsd_db"], default=ranked[0])
    words = []
    if smallest["pte_bytes"] < ranked[0]["pte_bytes"]:
        words.append(f"{name_of(smallest)} is smaller ({text(smallest['pte_bytes'], 'bytes')})")
    if closest is not ranked[0] and ranked[0]["scheme"] != BASELINE:
        distance = text(closest["lsd_db"], "dB")
        words.append(f"{name_of(closest)} is closer to {BASELINE}'s speech ({distance})")
    return f"Of the others, {' and '.join(words)}." if words else ""


def missing_words(run: Run) -> str:
    """Say how many cases have no numbers."""
    outcomes = Counter(row.outcome.value for row in run.rows if row.outcome is not Outcome.OK)
    if not outcomes:
        return ""
    parts = ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.most_common())
    return f"{outcomes.total():,} of {count(len(run.rows), 'case')} without numbers: {parts}."
