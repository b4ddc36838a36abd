"""`bench compile`: lower pairs of scheme and backend, and say in one table what came of each."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.output import OutputFolder
from bench.commands.planning import make_plan, what_to_measure
from model.files import replacing

if TYPE_CHECKING:
    from lowering.lower import LoweringSpec


@click.command(name="compile")
@what_to_measure
@click.option(
    "-o", "--out", type=OutputFolder(),
    help="Folder to write each .pte and its manifest into.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(0), default=0, show_default=True,
    help="Pairs side by side; 0 for as many as cores and memory allow.",
)  # fmt: skip
@click.option(
    "--time-limit", "limit_s", type=click.FloatRange(min=0, min_open=True), default=1800,
    show_default=True, help="Wall seconds after which a pair is given up.",
)  # fmt: skip
@click.option("--format", "format_name", type=click.Choice(["table", "markdown"]), default="table",
              show_default=True, help="How to print what came of the pairs.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def compile_(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Lower schemes for backends; a pair that cannot be, and a compiler that fails, is a row."""
    from dataclasses import asdict, replace

    from bench.commands.view import new_view
    from bench.compiling import compile_pairs
    from bench.results import Outcome
    from reports.compiling import TABLES

    plan = replace(make_plan(ctx, flags), utterances=())  # nothing is measured
    with new_view(quiet=flags["quiet"]) as view:
        pairs = compile_pairs(plan, view.show, jobs=flags["jobs"], limit_s=flags["limit_s"])
    rows = [row for _, row in pairs]
    if flags["out"] is not None:
        for spec, row in pairs:
            if row.outcome is Outcome.OK:
                click.echo(write_out(spec, flags["out"], alone=len(pairs) == 1), err=True)
    if flags["as_json"]:
        click.echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        click.echo(TABLES[flags["format_name"]](rows), nl=False)
    failed = any(row.outcome is Outcome.LOWER for row in rows)
    if failed or not any(row.outcome is Outcome.OK for row in rows):
        ctx.exit(1)


def write_out(spec: "LoweringSpec", folder: Path, *, alone: bool) -> Path:
    """Copy a .pte and its manifest out of the cache; returns where the .pte is then."""
    if not alone:
        folder = folder / f"{spec.scheme}-{spec.backend}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.pte", "manifest.json"):
        with replacing(folder / name) as unfinished:
            shutil.copyfile(spec.folder() / name, unfinished)
    return folder / "model.pte"
