"""From flags to a plan: the options that choose cases, shared by all commands that measure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.quality import chosen_sentences, chosen_workers
from devices.schedule import MOST_THREADS

if TYPE_CHECKING:
    from bench.config import Config
    from bench.pipeline import Plan
    from devices.schedule import Schedule
    from model.registry import Registry
    from model.text.lexicon import Lexicon
    from model.utterance import Utterance


def configuration(ctx: click.Context) -> "Config":
    """Read `bench.toml`."""
    from bench.config import load_config

    return load_config(ctx.obj["config"])


THREADS = click.IntRange(0, MOST_THREADS)
MODEL_OPTIONS = (
    click.option("--model", help="Sizes of the model: base, tiny, paper."),
    click.option(
        "--checkpoint", type=click.Path(path_type=Path), help="Weights of the model to use."
    ),
    click.option("--codec", default="own", show_default=True, help="Codec provider."),
    click.option(
        "--codec-checkpoint", type=click.Path(path_type=Path), help="Weights of the codec."
    ),
)


def which_model(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose the model alone; its sizes are those of the default suite."""
    for option in reversed(MODEL_OPTIONS):
        command = option(command)
    return command


def what_to_measure(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose cases; each default is the suite's."""
    options = [
        click.option("--suite", default="default", show_default=True, help="Suite of bench.toml."),
        *MODEL_OPTIONS,
        click.option(
            "--scheme",
            "schemes",
            multiple=True,
            help="Quantization scheme, a file of a mixed one, or all; repeatable.",
        ),
        click.option("--backend", "backends", multiple=True, help="Backend, or all; repeatable."),
        click.option(
            "--backend-option",
            "backend_options",
            multiple=True,
            metavar="BACKEND.OPTION=VALUE",
            help="Compile option of a backend; repeatable.",
        ),
        click.option(
            "--passes",
            help="Passes per channel, coarsest first (after '1,1,1' finer ones stay unknown), or"
            " joint ones ('16').",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def make_plan(ctx: click.Context, flags: Mapping[str, Any]) -> "Plan":
    """Combine flags, suite and defaults into a plan; names are checked here."""
    from bench.backend_options import chosen_options
    from bench.pipeline import Plan
    from lowering.backends import BACKENDS
    from model.choice import ModelChoice
    from model.decoding import DEFAULT_PASSES, decoding_plan

    config = configuration(ctx)
    suite = config.suite(flags.get("suite") or "default")
    choice = ModelChoice(
        flags["model"] or suite.model,
        flags["checkpoint"],
        flags["codec"],
        flags["codec_checkpoint"],
    )
    schemes = chosen_schemes(flags["schemes"] or suite.schemes)
    backends = chosen_names(BACKENDS, flags.get("backends") or suite.backends)
    passes = parse_passes(flags.get("passes")) or suite.passes or DEFAULT_PASSES
    decoding_plan(passes)
    return Plan(
        device_name=flags.get("device") or suite.device,
        choice=choice,
        schemes=schemes,
        backends=backends,
        utterances=chosen_utterances(
            flags.get("utterances") or suite.utterances,
            chosen_lexicon(flags.get("lexicon") or suite.lexicon),
        ),
        schedule=chosen_schedule(config.schedule, flags),
        passes=tuple(passes),
        tag=flags.get("tag") or "",
        sentences=chosen_sentences(flags),
        scoring_workers=chosen_workers(flags),
        backend_options=chosen_options(config.backends, flags.get("backend_options") or ()),
    )


def chosen_names(registry: "Registry[Any]", names: Sequence[str]) -> tuple[str, ...]:
    """Check names of a registry; `all` stands for all of them, and each counts once.

    Raises:
        ConfigError: A name is unknown, where the nearest is suggested, or there is none.
    """
    if not names:
        from model.errors import ConfigError

        raise ConfigError(f"nothing to measure: the suite names no {registry.kind}")
    if "all" in names:
        return tuple(registry)
    for name in names:
        registry[name]
    return tuple(dict.fromkeys(names))


def chosen_schemes(names: Sequence[str]) -> tuple[str, ...]:
    """Check names of schemes as `chosen_names` does; files `*.toml` come after them.

    Raises:
        ConfigError: A name is unknown, or a file says something that is.
    """
    from quantization.scheme_files import SUFFIX, adopt
    from quantization.schemes import SCHEMES

    files = {name: adopt(Path(name)) for name in names if name.endswith(SUFFIX)}
    registered = [name for name in names if name not in files]
    chosen = chosen_names(SCHEMES, registered) if registered or not files else ()
    return tuple(dict.fromkeys((*chosen, *files.values())))


def parse_passes(text: str | None) -> tuple[int, ...]:
    """Read '8,1,1' as numbers; nothing as none."""
    from model.errors import ConfigError

    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ConfigError(f"--passes takes numbers between commas, not {text!r}") from None


def chosen_utterances(names: "tuple[str, ...]", lexicon: "Lexicon") -> "tuple[Utterance, ...]":
    """Find built-in utterances by name; `all` stands for all that are meant to be measured."""
    from model.utterance import built_in_utterances, used_for

    known = built_in_utterances()
    chosen = (
        used_for("measure") if "all" in names else [known[n] for n in chosen_names(known, names)]
    )
    return tuple(replace(utterance, lexicon=lexicon) for utterance in chosen)


def chosen_lexicon(path: Path | str | None) -> "Lexicon":
    """Read the user's pronunciations; none where no file is named.

    Raises:
        ConfigError: The file cannot be read, or holds what is no pronunciation.
    """
    from model.text.lexicon import NO_LEXICON, read_lexicon

    return read_lexicon(Path(path)) if path else NO_LEXICON


def parse_until(text: str) -> float:
    """Read 'ci:2%'."""
    from bench.comparing.terms import parse_change
    from model.errors import ConfigError

    kind, colon, width = text.partition(":")
    if kind != "ci" or not colon or not (change := parse_change(width)):
        raise ConfigError(f"--until takes ci:CHANGE, as ci:2%, not {text!r:.80}")
    return change


def chosen_schedule(schedule: "Schedule", flags: Mapping[str, Any]) -> "Schedule":
    """Let flags override the configuration's schedule.

    Raises:
        ConfigError: A number is outside its range.
    """
    from bench.config import check_schedule

    names = ("repeats", "warmup", "iterations", "cooldown_s", "threads", "most_repeats")
    given = {name: flags[name] for name in names if flags.get(name) is not None}
    if flags.get("until") is not None:
        given["until"] = parse_until(flags["until"])
    chosen = replace(schedule, **given)
    check_schedule(chosen, "the schedule's")
    return chosen
