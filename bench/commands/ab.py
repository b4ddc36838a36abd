"""`bench ab` and `bench calibrate`: measure so that runs can be compared."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bench.commands.compare import finish, make_terms, terms_of_comparison
from bench.commands.output import STANDARD_OUTPUT, OutputFile, write_output
from bench.commands.planning import THREADS, configuration, make_plan, what_to_measure

if TYPE_CHECKING:
    from bench.results import Run


def how_to_measure(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say on what to measure, and how often."""
    options = [
        click.option("--device", help="Device: host, or a profile's name."),
        click.option(
            "--utterance", "utterances", multiple=True, help="Built-in utterance, or all."
        ),
        click.option(
            "--warmup",
            type=click.IntRange(0),
            help="Iterations discarded at the start of each repeat.",
        ),
        click.option("--iterations", type=click.IntRange(1), help="Syntheses kept in each."),
        click.option("--cooldown", "cooldown_s", type=click.FloatRange(0), help="Seconds between."),
        click.option("--threads", type=THREADS, help="Threads; 0 for one per core."),
        click.option("-q", "--quiet", is_flag=True, help="Show no progress."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("base")
@click.argument("candidate")
@click.option(
    "--rounds", "repeats", type=click.IntRange(1), default=10, show_default=True,
    help="Fresh processes of each side, in turns.",
)  # fmt: skip
@what_to_measure
@how_to_measure
@terms_of_comparison
@click.pass_context
def ab(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Measure CANDIDATE and BASE in turns on one device, and compare them.

    Each is a scheme, a folder that `bench compile` wrote, a checkout of this project, or a commit
    of it; a checkout or commit lowers with its own code and the packages that are installed, and
    what it lowered is measured. One that asks for other packages is refused. Exits as
    `bench compare` does.
    """
    from bench.commands.devices import tell
    from bench.commands.launch import fitted, tell_commit
    from bench.commands.view import new_view
    from bench.comparing.ab import differing_parts, run_in_turns
    from bench.comparing.ab_sides import open_side
    from bench.comparing.compare import compare
    from devices.kinds import find_profile, open_device
    from reports.compared import COMPARED

    COMPARED[flags["format_name"]]  # an unknown name is an error that suggests the nearest
    terms = make_terms(flags)
    config = configuration(ctx)
    plan = fitted(make_plan(ctx, flags), config)
    device = open_device(find_profile(plan.device_name, config.devices), tell)
    with new_view(quiet=flags["quiet"]) as view, contextlib.ExitStack() as stack:
        base, candidate = (
            stack.enter_context(open_side(flags[side], replace(plan, tag=f"ab-{side}")))
            for side in ("base", "candidate")
        )
        runs = run_in_turns(base, candidate, device, ctx.obj["results"], view.show, kept=say_kept)
    for run in runs:
        tell_commit(run, tell)
    across = differing_parts(base.plan, candidate.plan)
    finish(ctx, compare(*runs, replace(terms, across=across)), flags)


def say_kept(run: "Run") -> None:
    """Name a run that was kept."""
    click.echo(f"Kept as {run.header.device.name}/{run.header.run}", err=True)


@click.command()
@click.option(
    "--sessions", type=click.IntRange(3), default=6, show_default=True,
    help="Runs of the same thing, one after the other.",
)  # fmt: skip
@click.option("--run", "names", multiple=True, help="Learn from this run and measure none; repeat.")
@click.option("--repeats", type=click.IntRange(2), help="Fresh processes per case and session.")
@click.option(
    "-o", "--out", type=OutputFile(),
    help="File; - is stdout; default calibration.toml in the device's folder of results.",
)  # fmt: skip
@what_to_measure
@how_to_measure
@click.pass_context
def calibrate(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Learn how far sessions of the same program differ on a device; `bench compare` uses it.

    What is learnt is as varied as the sessions were: those of several days, named with --run,
    say more than six in a row.
    """
    from bench.commands.devices import tell
    from bench.commands.launch import launch
    from bench.commands.view import new_view
    from bench.comparing.calibration import NAME, calibrate, to_toml
    from bench.comparing.wording import percent
    from bench.stores.store import find_kept

    config, results = configuration(ctx), ctx.obj["results"]
    names = [*flags["names"]]
    plan = replace(make_plan(ctx, flags), tag="calibrate", made_by="calibrate")
    for number in range(0 if names else flags["sessions"]):
        click.echo(f"session {number + 1} of {flags['sessions']}", err=True)
        with new_view(quiet=flags["quiet"]) as view:
            header = launch(plan, config, results, view.show, tell).header
        names.append(f"{header.device.name}/{header.run}")
    kept = [find_kept(name, results) for name in names]
    found = calibrate([one.run for one in kept])
    path = flags["out"] or kept[-1].folder / NAME
    for name, floor in found.metrics.items():
        spread = percent(floor.repeat_spread)
        line = f"{name}: floor {percent(floor.floor)}, repeats differ by {spread}"
        click.echo(line, err=path == STANDARD_OUTPUT)
    write_output(path, to_toml(found))
