"""All pairs of scheme and backend of a run in one table, with what keeps each loser from winning.

A loser is a pair that did not finish, that is slower than fp32 on its backend, or that is off the
Pareto front.
"""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from bench.metrics import METRICS
from bench.results import Outcome, Row, Run, to_json
from reports.columns import COVERAGE_METRICS, KEY_METRICS, metric_columns
from reports.frames import PAIR, PARETO, pair_of, pair_profiles, schemes_frame
from reports.quality import KEY_QUALITY
from reports.reasons import why_slower
from reports.summary import Line, Note, marks, name_of
from reports.units import count

# Speed, memory, size and distance; coverage; quality.
COMPARED_METRICS = (*KEY_METRICS, *COVERAGE_METRICS, *KEY_QUALITY)
# Columns that make room, the first ones first, where the terminal is narrow.
NO_METRICS = "it has none of the metrics that pairs are compared by"
LEFT_OUT_FIRST = (
    "mcd_db", "load_ms", "delegated_nodes_share", "quantized_params_share", "dnsmos_ovrl", "cer",
    "token_agreement", "distillmos", "first_audio_ms", "similarity", "quantized_macs_share",
    "delegated_time_share", "wer",
)  # fmt: skip


def compared_schemes(run: Run) -> pd.DataFrame:
    """Put one pair on each line, fastest first: `schemes_frame` with a sentence `why` of losers."""
    schemes = schemes_frame(run).sort_values("rtf", kind="stable", ignore_index=True)
    profiles = pair_profiles(run, schemes)
    complete = (schemes["ok"] == schemes["cases"]).to_numpy()
    costs = np.nan_to_num(schemes[PARETO].to_numpy(np.float64), nan=np.inf)
    lines = schemes.to_dict("records")
    words = []
    for number, line in enumerate(lines):
        if not complete[number]:
            both = why_incomplete(line, run.rows), line["reason"]
            words.append("; ".join(filter(None, both)))
        elif line["reason"] or line["pareto"] or not np.isfinite(costs[number]).any():
            words.append(line["reason"] or ("" if line["pareto"] else NO_METRICS))
        else:
            better = (costs <= costs[number]).all(axis=1) & (costs < costs[number]).any(axis=1)
            # The fastest of those that beat it: lines are ordered by speed.
            best = lines[int(np.flatnonzero(better & complete & schemes["pareto"])[0])]
            speedup = best["rtf"] / line["rtf"]
            slow = why_slower(speedup, profiles[key(line)], profiles[key(best)], name_of(best))
            words.append(slow or why_beaten(line, best))
    return schemes.assign(why=words)


def key(line: Line) -> tuple[str, ...]:
    """Name a line's pair by the parts of `PAIR`."""
    return tuple(line[part] for part in PAIR)


def why_incomplete(line: Line, rows: Sequence[Row]) -> str:
    """Say how the first case of a pair that has no numbers ended, and how many there are."""
    own = [row for row in rows if pair_of(row.case) == key(line) and row.outcome is not Outcome.OK]
    some = f" ({len(own):,} of {count(line['cases'], 'case')})" if len(own) < line["cases"] else ""
    return f"{own[0].outcome.value}{some}: {own[0].reason}"


def why_beaten(line: Line, best: Line) -> str:
    """Say in what another pair is better than one that is as fast."""
    worse = [METRICS[name].label for name in PARETO[1:] if not line[name] <= best[name]]
    return f"no faster than {name_of(best)}, which is better in {', '.join(worse) or 'RTF'}"


def losers(schemes: pd.DataFrame) -> list[Note]:
    """Gather the sentences."""
    lines = schemes[schemes["why"] != ""].to_dict("records")
    return [Note(name_of(line), line["why"], ()) for line in lines]


def as_table(run: Run) -> str:
    """Draw all pairs for the terminal, the losers' reasons below."""
    from reports.terminal import fitted, notes, printed, schemes_table, terminal, title

    schemes, console = compared_schemes(run), terminal()
    columns = metric_columns(schemes, COMPARED_METRICS)
    table = fitted(console, columns, lambda some: schemes_table(schemes, some), LEFT_OUT_FIRST)
    why = notes("Why the others lost", "yellow", losers(schemes))
    return printed(console, [title(run), *table, *why])


def as_markdown(run: Run) -> str:
    """Write all pairs in GitHub-flavoured markdown, the losers' reasons below."""
    from reports.markdown import escape, schemes_table, section

    schemes = compared_schemes(run)
    blocks = [
        f"# {escape(run.header.run)}",
        *(f"> **{mark.name.upper()}**: {escape(mark.words)}" for mark in marks(run.header)),
        schemes_table(schemes, COMPARED_METRICS),
        *section("Why the others lost", losers(schemes)),
    ]
    return "\n\n".join(blocks) + "\n"


def as_json(run: Run) -> str:
    """Write all pairs as one JSON document, in base units; what is not known is null."""
    schemes = compared_schemes(run).drop(columns="reason")
    document = {"run": run.header.run, "schemes": schemes.to_dict("records")}
    return json.dumps(json.loads(to_json(document)), indent=1) + "\n"


TABLES: Mapping[str, Callable[[Run], str]] = {
    "table": as_table,
    "markdown": as_markdown,
    "json": as_json,
}
