"""Options of `bench run` that ask for speech quality; `bench quality`, what can be scored here."""

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from model.utterance import Utterance


def quality_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that ask for speech quality."""
    options = [
        click.option(
            "--quality", is_flag=True, help="Also score what every scheme says of a suite."
        ),
        click.option(
            "--quality-suite", default="built-in", show_default=True,
            help="Sentences to score: built-in, or held-out (needs the corpus).",
        ),
        click.option(
            "--quality-sentences", type=click.IntRange(1), help="Number of sentences; default all."
        ),
        click.option(
            "--quality-workers",
            help="Processes that score, or a Dask scheduler's tcp://...; default one per core.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def chosen_sentences(flags: Mapping[str, Any]) -> "tuple[Utterance, ...]":
    """Take the sentences that are to be scored; none where quality was not asked for."""
    from bench.quality.suite import SUITES

    if not flags.get("quality"):
        return ()
    return SUITES[flags["quality_suite"]]()[: flags["quality_sentences"]]


def chosen_workers(flags: Mapping[str, Any]) -> str:
    """Say where to score, after making sure that it can be there."""
    where = flags.get("quality_workers") or str(os.cpu_count() or 1)
    if flags.get("quality"):
        from bench.quality.engine import check_workers

        check_workers(where)
    return where


@click.group()
def quality() -> None:
    """The packages that score speech: what is there, and how to get the rest."""


@quality.command()
def install() -> None:
    """Install every package that scoring needs into this environment."""
    from bench.quality.packages import install as install_packages

    install_packages(click.echo)
    click.echo("every metric of speech quality can be taken")


@quality.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """List the metrics of speech quality, and why some cannot be taken here."""
    from bench.metrics import METRICS
    from bench.quality.packages import not_installed
    from bench.quality.scorers import SCORERS

    judges = {name: metric.judge for name, metric in METRICS.items() if metric.judge}
    found = [
        {
            "metric": name,
            "scorer": judge.scorer,
            "needs": list(judge.needs),
            "missing": not_installed(SCORERS[judge.scorer].packages),
        }
        for name, judge in judges.items()
    ]
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    width = max(map(len, judges))
    for entry in found:
        state = entry["missing"] or "ready"
        click.echo(f"{entry['metric']:<{width}}  {entry['scorer']}: {state}")
