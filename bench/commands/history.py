"""`bench history`: what many runs say of a number, and when it changed."""

from typing import Any

import click

from bench.commands.output import one_line, print_safely


@click.command()
@click.option(
    "--case", "cases", multiple=True,
    help="Part of 'SCHEME x BACKEND · UTTERANCE', or a pattern with *; repeatable.",
)  # fmt: skip
@click.option(
    "--metric", "metrics", multiple=True, default=("rtf",), show_default=True,
    help="Metric, or all; repeatable.",
)  # fmt: skip
@click.option("--device", default="", help="Name of a device; by default all.")
@click.option(
    "--last", type=click.IntRange(0), default=0, show_default=True,
    help="Also list the N newest runs of each series.",
)  # fmt: skip
@click.option(
    "--all", "all_commands", is_flag=True,
    help="Count the runs of bench ab, calibrate and search, too.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def history(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Show numbers over all runs of `bench run`, with their steps and whether they drift."""
    from bench.comparing.history import Wanted, read_history
    from bench.results import to_json
    from bench.stores.store import open_store
    from reports.history import draw_history, history_document

    metrics = () if "all" in flags["metrics"] else flags["metrics"]
    with open_store(ctx.obj["results"]).archive() as archive:
        wanted = Wanted(flags["cases"], metrics, flags["device"], flags["all_commands"])
        found = read_history(archive, wanted)
    for problem in found.problems:
        click.echo(one_line(f"Left out: {problem}"), err=True)
    if flags["as_json"]:
        print_safely(to_json(history_document(found)) + b"\n")
    else:
        click.echo(draw_history(found, flags["last"]), nl=False)
