"""The command `bench`: parses, calls and prints. Everything slow is imported where it is used."""

import contextlib
import functools
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.ab import ab, calibrate
from bench.commands.ci import ci
from bench.commands.compare import compare
from bench.commands.compile import compile_
from bench.commands.data import data
from bench.commands.devices import devices, doctor, tell
from bench.commands.history import history
from bench.commands.output import one_line
from bench.commands.planning import THREADS, configuration, make_plan, what_to_measure
from bench.commands.quality import quality, quality_options
from bench.commands.report import report
from bench.commands.say import say
from bench.commands.search import search
from bench.commands.sensitivity import sensitivity
from bench.commands.show import diff, show
from model.errors import HarnessError, RunInterrupted, line_of

if TYPE_CHECKING:
    from bench.pipeline import Plan

INTERRUPTED = 130


class Bench(click.Group):
    """Turns errors into one line and an exit code: the only place that does.

    These are the project's own errors, and what a system, a disk, memory or a foreign text causes
    wherever it happens; a bug keeps its traceback.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,  # noqa: ANN401 - click's own signature
    ) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command line, and end the process with its exit code."""
        run = functools.partial(
            super().main, args, prog_name, complete_var, standalone_mode=False, **extra
        )
        if not standalone_mode:
            return run()
        code: int | None
        try:
            code = run()
            if sys.stdout:
                sys.stdout.flush()  # here, not when Python ends: the disk behind it may be full
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt) as error:
            tell_error(interruption_line(error.__cause__ or error))
            code = INTERRUPTED
        except (HarnessError, OSError, UnicodeError, MemoryError) as error:
            message, code = line_of(error)
            tell_error(f"Error: {one_line(message)}")
        drop_unwritten()
        sys.exit(code)


def interruption_line(interruption: BaseException) -> str:
    """Say what Ctrl-C has left behind, where something of it can be gone on with."""
    if isinstance(interruption, RunInterrupted):
        return f"Interrupted; {interruption.run} stays unfinished."
    if isinstance(interruption, KeyboardInterrupt):
        return ": ".join(["Interrupted", *map(str, interruption.args)]) + "."
    return "Interrupted."


def tell_error(line: str) -> None:
    """Print a line on standard error, which may be closed or full as well."""
    with contextlib.suppress(OSError):
        click.echo(line, err=True)


def drop_unwritten() -> None:
    """Drop what standard output cannot take, or Python reports it once more when it ends."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            if stream:  # it is None where the program was started with it closed
                stream.flush()
        except (OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


def print_versions(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print our version and the pins', without importing them."""
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # takes half as long as click

    for package in ("mobilespeech-bench", "torch", "torchao", "executorch"):
        try:
            click.echo(f"{package} {version(package)}")
        except PackageNotFoundError:
            click.echo(f"{package} not installed")
    ctx.exit()


@click.group(cls=Bench, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=print_versions,
    help="Print the versions of this project and of what it is pinned to.",
)  # fmt: skip
@click.option(
    "--config", type=click.Path(path_type=Path), help="bench.toml to use; default ./bench.toml."
)
@click.option(
    "--results",
    help="Folder of results, or postgresql://...; default that of bench.toml, else ./results.",
)
@click.pass_context
def bench(ctx: click.Context, config: Path | None, results: str | None) -> None:
    """Know how MobileSpeech runs on a phone: quantize, lower, measure, report."""
    from bench.config import load_config

    ctx.obj = {"config": config, "results": results or load_config(config).store.url}


@bench.command()
@click.option("--device", help="Device: host, a profile's name, or lab/* of bench.toml.")
@what_to_measure
@click.option("--utterance", "utterances", multiple=True, help="Built-in utterance, or all.")
@click.option(
    "--lexicon", type=click.Path(path_type=Path),
    help="Pronunciations of words: a TOML file (docs/text.md); default the suite's, else none.",
)  # fmt: skip
@click.option("--repeats", type=click.IntRange(1), help="Fresh processes per case.")
@click.option(
    "--until", metavar="ci:CHANGE",
    help="Go on, case by case, until the interval of RTF is ±CHANGE: ci:2%.",
)  # fmt: skip
@click.option(
    "--max-repeats",
    "most_repeats",
    type=click.IntRange(1),
    help="Maximum repeats per case with --until.",
)
@click.option(
    "--warmup", type=click.IntRange(0), help="Iterations discarded at the start of each repeat."
)
@click.option("--iterations", type=click.IntRange(1), help="Syntheses kept in each.")
@click.option("--cooldown", "cooldown_s", type=click.FloatRange(0), help="Idle seconds between.")
@click.option("--threads", type=THREADS, help="Threads; 0 for one per core.")
@quality_options
@click.option("--tag", help="Goes into the run's name.")
@click.option("--runner", help="Your own build of executor_runner or qnn_executor_runner.")
@click.option(
    "--resume", metavar="[RUN]", is_flag=False, flag_value="",
    help="Go on with an unfinished run, by default the newest of these flags.",
)  # fmt: skip
@click.option(
    "--dry-run", is_flag=True, help="Print the cases and what is known of them, and stop."
)
@click.option("--strict", is_flag=True, help="Exit with 5 if any row has a warning.")
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def run(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Measure schemes and backends on a device, and print what they cost."""
    from bench.commands.launch import fitted, launch
    from bench.commands.view import new_view
    from reports.formats import FORMATS

    plan, config = make_plan(ctx, flags), configuration(ctx)
    if flags["dry_run"]:
        print_plan(fitted(plan, config))
        return
    with new_view(quiet=flags["quiet"]) as view:
        try:
            result = launch(
                plan, config, ctx.obj["results"], view.show, tell,
                resume=flags["resume"], runner=flags["runner"] or "",
            )  # fmt: skip
        except RunInterrupted as interruption:
            raise KeyboardInterrupt(
                "what was measured is kept; go on with the same flags and --resume"
                f" {interruption.run}"
            ) from None
    click.echo(FORMATS["json" if flags["as_json"] else "table"](result, None))
    kept = f"{result.header.device.name}/{result.header.run}"
    click.echo(f"Kept as {kept}: `bench report {kept}` makes a page of it", err=True)
    if result.failed:
        ctx.exit(1)
    if flags["strict"] and any(row.warnings for row in result.rows):
        from model.errors import UntrustworthyError

        raise UntrustworthyError("some rows have warnings, and --strict was given")


def print_plan(plan: "Plan") -> None:
    """Print the cases of a plan, with what is known of each before it is measured."""
    from model.entries import usable

    for case in plan.cases():
        spec = plan.lowering(case.scheme, case.backend)
        refused = plan.excluded.get(case.backend) or spec.refused()
        known = "lowered already" if usable(spec.folder()) else "to be lowered"
        click.echo(f"{case}: {'skipped: ' + refused if refused else known}")


LISTED = (
    "schemes", "backends", "devices", "metrics", "models", "utterances", "prompts", "formats",
    "warnings", "runs",
)  # fmt: skip


@bench.command(name="list")
@click.argument("what", type=click.Choice(LISTED), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def list_(ctx: click.Context, what: str | None, as_json: bool) -> None:
    """List what is registered, and why something cannot be used here."""
    from bench.commands.listing import listing

    found = {name: listing(name, ctx.obj["results"]) for name in ([what] if what else LISTED)}
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for name, entries in found.items():
        click.echo(f"{name}:")
        width = max(map(len, entries), default=0)
        for entry, summary in entries.items():
            click.echo(one_line(f"  {entry:<{width}}  {summary}".rstrip()))


bench.add_command(devices)
bench.add_command(doctor)
bench.add_command(history)
bench.add_command(ci)
bench.add_command(compare)
bench.add_command(ab)
bench.add_command(calibrate)
bench.add_command(compile_)
bench.add_command(data)
bench.add_command(diff)
bench.add_command(quality)
bench.add_command(report)
bench.add_command(say)
bench.add_command(search)
bench.add_command(sensitivity)
bench.add_command(show)


if __name__ == "__main__":
    sys.exit(bench())
