"""`bench ci`: a comparison as a CI service shows it, and the exit code that gates."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.compare import exit_code
from bench.commands.output import OutputFile, append_to_file, print_safely, writable, write_file
from model.errors import ConfigError

if TYPE_CHECKING:
    from bench.comparing.verdicts import Comparison

FILE = click.Path(path_type=Path)
OUTPUT = OutputFile(dash=False)


@click.command()
@click.argument("comparison", type=FILE)
@click.option(
    "--summary", type=FILE,
    help="Markdown to append to; default $GITHUB_STEP_SUMMARY, else standard output.",
)  # fmt: skip
@click.option("--comment", type=OUTPUT, help="Body of a comment to write, with a hidden marker.")
@click.option("--junit", type=OUTPUT, help="JUnit XML to write.")
@click.option("--id", "name", default="bench", show_default=True, help="Marks the comment.")
@click.option("--strict", is_flag=True, help="Exit with 5 where it is inconclusive.")
@click.pass_context
def ci(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Post COMPARISON, a file that `bench compare` or `bench ab` wrote with --format json.

    On GitHub Actions it also prints annotations. Exits with 3 where anything regressed, with 6
    where the runs cannot be compared, with 5 where nothing is known and --strict is given, and with
    0 otherwise.
    """
    from bench.comparing.comparison_file import read_comparison
    from reports.annotations import annotations
    from reports.github import comment, summary
    from reports.junit import junit

    comparison = read_comparison(flags["comparison"])
    named = flags["summary"] or os.environ.get("GITHUB_STEP_SUMMARY")
    page = writable(Path(named)) if named else None
    check_distinct([flags["comparison"], page, flags["comment"], flags["junit"]])
    if page:
        append_summary(page, comparison)
    else:
        print_safely(summary(comparison))
    if flags["comment"]:
        write_file(flags["comment"], comment(comparison, flags["name"]))
    if flags["junit"]:
        write_file(flags["junit"], junit(comparison, strict=flags["strict"]))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print_safely(annotations(comparison))
    ctx.exit(exit_code(comparison, strict=flags["strict"]))


def check_distinct(paths: Sequence[Path | None]) -> None:
    """Make sure that no file is both read and written, or written twice.

    Raises:
        ConfigError: One is.
    """
    named: set[str] = set()
    for path in filter(None, paths):
        place = os.path.realpath(path)
        if place in named:
            raise ConfigError(f"{path} is named twice: give each of the files its own name")
        named.add(place)


def append_summary(page: Path, comparison: "Comparison") -> None:
    """Add a comparison to a step's summary, which other programs may have written to."""
    from reports.github import SUMMARY_BYTES, summary

    used_bytes = page.stat().st_size if page.exists() else 0
    append_to_file(page, summary(comparison, SUMMARY_BYTES - used_bytes))
