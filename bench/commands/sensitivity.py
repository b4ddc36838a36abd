"""`bench sensitivity`: which part of a model, quantized alone, does how much damage."""

import json
from dataclasses import asdict
from typing import Any

import click

from bench.commands.planning import make_plan, which_model


@click.command()
@which_model
@click.option("--scheme", "schemes", multiple=True, default=("8da8w", "8da4w"), show_default=True,
              help="Scheme that quantizes layer by layer; repeatable.")  # fmt: skip
@click.option("--by", "grain", type=click.Choice(["layer", "block", "method"]), default="block",
              show_default=True, help="What is quantized at once.")  # fmt: skip
@click.option("--format", "format_name", type=click.Choice(["table", "markdown"]), default="table",
              show_default=True, help="How to print it.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def sensitivity(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Quantize each part of a model alone, in PyTorch, and print what it does, worst first."""
    from bench.commands.view import new_view
    from bench.probing import damages_of
    from quantization.sensitivity import Grain
    from reports.grid import WRITERS
    from reports.sensitivity import WORDS, lines, titles

    plan = make_plan(ctx, flags)
    check_choosing(plan.schemes)
    with new_view(quiet=flags["quiet"]) as view:
        damages = damages_of(plan, Grain(flags["grain"]), view.show)
    if flags["as_json"]:
        click.echo(json.dumps([asdict(damage) for damage in damages], indent=1))
    else:
        write = WRITERS[flags["format_name"]]
        table = write(titles(plan.schemes), WORDS, lines(damages, plan.schemes))
        click.echo(table, nl=False)


def check_choosing(schemes: tuple[str, ...]) -> None:
    """Refuse schemes that do not say layer by layer what to do.

    Raises:
        ConfigError: It names those that do.
    """
    from model.errors import ConfigError
    from quantization.schemes import SCHEMES

    choosing = [name for name in SCHEMES if SCHEMES[name]().choose is not None]
    for name in schemes:
        if name not in choosing:
            raise ConfigError(
                f"{name} does not quantize layer by layer: take {', '.join(choosing)}"
            )
