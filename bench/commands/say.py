"""`bench say`: text in a prompt's voice, to a file, to standard output or to a player."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.output import STANDARD_OUTPUT, OutputFile
from bench.commands.planning import THREADS, chosen_lexicon, make_plan, what_to_measure
from model.config import FRAME_RATE_HZ

if TYPE_CHECKING:
    from bench.pipeline import Plan
    from bench.say import Speaker

SCHEME, BACKEND = "fp32", "xnnpack"
MOST_LISTED = 20  # characters that were left out


@click.command()
@click.argument("text", required=False)
@click.option(
    "--text-file", type=click.Path(path_type=Path), help="Read the text, UTF-8; - is stdin."
)
@click.option(
    "--prompt",
    default="heart",
    show_default=True,
    help="Built-in voice (`bench list prompts`), or a file of somebody's speech.",
)
@click.option("--lang", help="Language of the text; by default told by its script.")
@click.option(
    "--lexicon", type=click.Path(path_type=Path),
    help="Pronunciations of words: a TOML file (docs/text.md); none by default.",
)  # fmt: skip
@click.option(
    "-o", "--out", type=OutputFile(),
    help="WAV or FLAC; - is stdout (WAV), the default without --play.",
)  # fmt: skip
@click.option("--play", is_flag=True, help="Play it, each sentence as soon as it is ready.")
@click.option(
    "--soon",
    type=click.IntRange(8),
    metavar="N",
    help="Begin with a part of at most N phonemes (10 to 15 are a second): heard sooner, but cut"
    " at a pause, else between words.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Of all random numbers; a single pass over a channel draws none.",
)
@click.option(
    "--threads", type=THREADS, default=0, show_default=True, help="Threads; 0 for one per core."
)
@what_to_measure
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def say(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Say TEXT in the voice of a prompt, sentence by sentence.

    PyTorch speaks, in fp32. With --scheme or --backend ExecuTorch does, as on a phone; the model is
    lowered first, which takes minutes, and kept.
    """
    from bench.audio_out import check_outputs, open_outputs
    from bench.say import eager_speaker, request_for, speak
    from model.errors import InputError
    from model.utterance import Utterance, find_prompt, read_text

    text = flags["text"] or (read_text(flags["text_file"]) if flags["text_file"] else None)
    if text is None:
        raise InputError("nothing to say: give TEXT or --text-file")
    scheme, backend = (flags["schemes"] or (SCHEME,))[0], (flags["backends"] or (BACKEND,))[0]
    plan = make_plan(ctx, {**flags, "schemes": (scheme,), "backends": (backend,)})
    utterance = Utterance(
        "said", text, find_prompt(flags["prompt"]), flags["lang"], flags["seed"],
        lexicon=chosen_lexicon(flags["lexicon"]),
    )  # fmt: skip
    out = str(flags["out"] or ("" if flags["play"] else STANDARD_OUTPUT))
    check_outputs(out, play=flags["play"])
    request = request_for(plan.choice, utterance, plan.options, first_phonemes=flags["soon"])
    if request.dropped:
        click.echo(f"Left out, as there is no way to say it: {listed(request.dropped)}", err=True)
    if flags["schemes"] or flags["backends"]:
        speaker = lowered(plan, flags["threads"], quiet=flags["quiet"])
    else:
        speaker = eager_speaker(plan.choice, flags["threads"])
    if not speaker.trained:
        click.echo("The model is untrained: what it says is noise.", err=True)
    with open_outputs(out, play=flags["play"]) as audio:
        for number, part in enumerate(speak(speaker, request), 1):
            audio.write(part.waveform)
            seconds = part.codes.shape[1] / FRAME_RATE_HZ
            note = f"sentence {number}/{len(request.sentences)}: {seconds:.1f} s of speech"
            if not flags["quiet"]:
                click.echo(f"{note} in {part.wall_ms / 1e3:.2f} s", err=True)


def listed(characters: Sequence[str]) -> str:
    """Name characters, the first of them where there are many."""
    named = [f"{one} (U+{ord(one):04X})" if len(one) == 1 else one for one in characters]
    more = len(named) - MOST_LISTED
    return ", ".join(named[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def lowered(plan: "Plan", threads: int, *, quiet: bool) -> "Speaker":
    """Load a plan's one pair into the runtime, lowered before where it is not in the cache.

    Raises:
        StageFailedError: It cannot be lowered.
    """
    from bench.commands.view import new_view
    from bench.pipeline import prepare_references
    from bench.say import lowered_speaker
    from lowering.build import build_artifacts
    from model.entries import usable
    from model.errors import StageFailedError

    spec = plan.lowering(plan.schemes[0], plan.backends[0])
    with new_view(quiet=quiet) as view:
        if not usable(spec.folder()):
            prepare_references(plan, view.show)
        for built in build_artifacts([spec]):
            if built.reason:
                raise StageFailedError(built.reason)
    return lowered_speaker(spec.read(), threads)
