"""`bench show` and `bench diff`: what a run measured, and what is in a .pte."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from bench.commands.output import print_safely


@click.command()
@click.argument("name", metavar="RUN", default="latest")
@click.option("--raw", is_flag=True, help="Print the run file as it is.")
@click.option(
    "--graph", is_flag=True,
    help="Show what backends took of each method and what they left; RUN may be a .pte or a folder"
    " with one.",
)  # fmt: skip
@click.option("--case", default="", help="With --graph: part of 'SCHEME x BACKEND · UTTERANCE'.")
@click.option("--json", "as_json", is_flag=True, help="With --graph: print one JSON document.")
@click.pass_context
def show(
    ctx: click.Context, name: str, *, raw: bool, graph: bool, case: str, as_json: bool
) -> None:
    """Show one run: its statistics, warnings and conditions; or, with --graph, its delegates."""
    from bench.results import encode_run
    from bench.stores.store import find_kept
    from reports.formats import FORMATS

    if (case or as_json) and not graph:
        raise click.UsageError("--case and --json need --graph; a run's document is --raw")
    if graph:
        from bench.graph import graph_of_file, graphs_of_run, is_artifact
        from reports.graph import draw_graphs

        if is_artifact(name):
            graphs = [graph_of_file(Path(name))]
        else:
            graphs = graphs_of_run(find_kept(name, ctx.obj["results"]).run, case)
        if as_json:
            click.echo(json.dumps([asdict(one) for one in graphs], indent=1))
        else:
            click.echo(draw_graphs(graphs), nl=False)
        return
    kept = find_kept(name, ctx.obj["results"])
    if raw:
        print_safely(encode_run(kept.run))
    else:
        click.echo(FORMATS["table"](kept.run, kept.folder))


@click.command()
@click.argument("base", type=click.Path(path_type=Path, exists=True))
@click.argument("candidate", type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def diff(base: Path, candidate: Path, *, as_json: bool) -> None:
    """Compare two .pte files, or folders with one: delegates, operators, memory, constants."""
    from bench.pte_diff import diff_files
    from reports.graph import draw_diff

    found = diff_files(base, candidate)
    click.echo(json.dumps(asdict(found), indent=1) if as_json else draw_diff(found), nl=as_json)
