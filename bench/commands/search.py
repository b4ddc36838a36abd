"""`bench search`: find mixed schemes that are fast on a device and near to fp32."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bench.commands.output import OutputFolder, StudyFile
from bench.commands.planning import THREADS, chosen_schemes, configuration, make_plan, which_model

if TYPE_CHECKING:
    from bench.search.explore import Wishes

MINUTE_S = 60


@click.command()
@which_model
@click.option("--device", default="host", show_default=True, help="Device to be fast on.")
@click.option("--backend", default="xnnpack", show_default=True, help="Backend to lower for.")
@click.option("--utterance", default="short", show_default=True, help="What is said to be timed.")
@click.option("--trials", type=click.IntRange(1), default=200, show_default=True,
              help="Trials in all, those before an interruption among them.")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=30,
              show_default=True, help="When to stop trying, if that is earlier.")  # fmt: skip
@click.option("--budget", metavar="rtf:NUMBER", help="Slowest prediction worth an evaluation.")
@click.option("--max-loss", metavar="SHARE",
              help="Largest distance from fp32, as 2%; default that of 8da8w.")  # fmt: skip
@click.option("--finalists", "count", type=click.IntRange(0), default=3, show_default=True,
              help="Mixed schemes to lower and measure in the end; 0 to search only.")  # fmt: skip
@click.option("--repeats", type=click.IntRange(1), help="Fresh processes per scheme.")
@click.option("--threads", type=THREADS, help="Threads; 0 for one per core.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is proposed.")
@click.option("--study", "journal", type=StudyFile(),
              help="Journal of trials, to go on with; default one in the cache.")  # fmt: skip
@click.option("-o", "--out", default="schemes", show_default=True,
              type=OutputFolder(),
              help="Folder for the finalists' files.")  # fmt: skip
@click.option("--format", "format_name", type=click.Choice(["table", "markdown"]), default="table",
              show_default=True, help="How to print what was found.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def search(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Search mixed schemes, part by part fp32, 8da8w or 8da4w; a killed search goes on.

    Times are predicted from uniform schemes, measured on the device once; distances are measured in
    PyTorch. Only finalists are lowered, and then measured in turns with uniform int8. Exit code 1
    where none of them is as fast as that at less than half its distance.
    """
    from bench.commands.devices import tell
    from bench.commands.launch import launch
    from bench.commands.view import new_view
    from bench.search.explore import TO_BEAT, UNIFORM, Judge, explore, lowered_distances
    from bench.search.finals import finalists, results_of, verdicts, write_finalists
    from reports.search import document, render

    chosen = {"backends": (flags["backend"],), "utterances": (flags["utterance"],)}
    plan = make_plan(ctx, {**flags, **chosen, "schemes": UNIFORM, "tag": "search"})
    plan = replace(plan, made_by="search")
    wishes = wishes_of(flags)
    with new_view(quiet=flags["quiet"]) as view:

        def measure(plan: Any) -> Any:  # noqa: ANN401 - a plan to its run
            store = ctx.obj["results"]
            return launch(plan, configuration(ctx), store, view.show, tell)

        judge = Judge(plan, view.show)
        explored = explore(plan, wishes, judge, measure, view.show)
        picked = finalists(explored.history.front, explored.uniform, flags["count"])
        files = write_finalists(picked, explored.damages, flags["out"])
        results, won = [], []
        if files:
            final = replace(plan, schemes=(*TO_BEAT, *chosen_schemes(files)), tag="search-final")
            run = measure(final)
            results = results_of(run, lowered_distances(final, run, judge.probe), TO_BEAT)
            won = verdicts(run, results, TO_BEAT)
    if flags["as_json"]:
        click.echo(json.dumps(document(explored, results, won), indent=1))
    else:
        click.echo(render(explored, results, won, flags["format_name"]), nl=False)
    if files and not any(verdict.wins for verdict in won):
        ctx.exit(1)


def wishes_of(flags: dict[str, Any]) -> "Wishes":
    """Read what is wished for off the flags."""
    from bench.comparing.terms import parse_change
    from bench.search.explore import Wishes

    return Wishes(
        flags["trials"],
        flags["minutes"] * MINUTE_S,
        parse_budget(flags["budget"]),
        parse_change(flags["max_loss"]) if flags["max_loss"] else 0.0,
        flags["seed"],
        flags["journal"],
    )


def parse_budget(text: str | None) -> float:
    """Read 'rtf:0.3'; nothing as 0."""
    from model.errors import ConfigError

    if not text:
        return 0.0
    kind, _, number = text.partition(":")
    try:
        rtf = float(number)
    except ValueError:
        rtf = 0.0
    if kind != "rtf" or not 0 < rtf < float("inf"):
        raise ConfigError(f"--budget takes rtf:NUMBER, as rtf:0.3, not {text!r:.80}")
    return rtf
