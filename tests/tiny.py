"""The smallest model that is whole: `tiny` with a codec of one block, lowered once for all tests.

Lowering costs some 70 ms of processor time per graph node, so tests share what they lower. It lies
in the cache, under the key that the commands use: a command that is given `--codec-checkpoint`
finds it there.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from bench.pipeline import Plan
from lowering.artifact import Artifact
from lowering.build import build_artifacts, build_references
from lowering.cache import cache_key, cache_root, pins, source_hash
from model.choice import ModelChoice
from model.entries import publish, usable
from model.files import locked
from model.utterance import built_in_utterances

LOOKAHEAD_FRAMES = 5  # of a codec whose decoder has one block


def tiny_codec() -> Path:
    """Return the checkpoint of a codec with random weights and one block on either side."""
    key = cache_key(["tiny codec", pins(), source_hash("model")])
    folder = cache_root() / "tests" / key
    with one_at_a_time():
        if not usable(folder):
            publish(folder, lambda temporary: save_tiny_codec(temporary / "codec.safetensors"))
    return folder / "codec.safetensors"


def save_tiny_codec(path: Path) -> None:
    import torch

    from model.checkpoint import save_checkpoint
    from model.codec.own import CodecConfig, OwnCodec

    config = CodecConfig(
        code_width=16, encoder_width=32, encoder_layers=1, decoder_width=32, decoder_layers=1
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        codec = OwnCodec(config).eval()
    assert codec.lookahead_frames == LOOKAHEAD_FRAMES
    facts = {"kind": "codec", "config": dataclasses.asdict(config)}
    save_checkpoint(path, codec.learned_state(), facts)


def tiny_choice() -> ModelChoice:
    """Choose `tiny` with the codec of one block."""
    return ModelChoice("tiny", codec_checkpoint=tiny_codec())


def tiny_flags() -> list[str]:
    """Return the flags of a command that choose the same."""
    return ["--model", "tiny", "--codec-checkpoint", str(tiny_codec())]


def tiny_plan(*schemes: str) -> Plan:
    """Plan to say the utterance `short` on this machine under some schemes."""
    return Plan("host", tiny_choice(), schemes, ("xnnpack",), (built_in_utterances()["short"],))


def lowered(*schemes: str) -> dict[str, Artifact]:
    """Lower `tiny` for XNNPACK under some schemes, unless a test before, or beside this, has.

    Returns:
        Artifacts by scheme; the references of the plan are in the cache, too.
    """
    plan = tiny_plan(*schemes)
    specs = [plan.lowering(scheme, "xnnpack") for scheme in schemes]
    with one_at_a_time():
        wanted = [*specs[0].calibration, specs[0].verification, plan.reference(plan.utterances[0])]
        build_references(wanted)
        built = list(build_artifacts(specs))
    assert [one.reason for one in built] == [""] * len(schemes)
    return {one.spec.scheme: one.spec.read() for one in built}


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let the workers of pytest-xdist lower in turns: what one has lowered, the next one finds."""
    folder = cache_root() / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lowering.lock"):
        yield
