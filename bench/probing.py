"""Probe a plan's model in PyTorch, on the way that fp32 took through one utterance."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.pipeline import Plan
from bench.progress import Progress, Show
from bench.quiet import hush
from lowering.build import build_references
from lowering.cache import cache_key, cache_root, pins, source_hash
from lowering.reference import model_limits, read_recording, read_reference
from model.entries import publish, usable
from model.utterance import used_for
from quantization.distance import End
from quantization.scheme_files import file_of
from quantization.sensitivity import Damage, Grain, sensitivity

if TYPE_CHECKING:
    from quantization.probing import Probe


def open_probe(plan: Plan, show: Show) -> "Probe":
    """Load a plan's model, with what was recorded of the utterance that lowering is verified on.

    Args:
        plan: Names the model, and how codes are unmasked.
        show: Is told of progress.
    """
    hush()
    from model.methods import methods
    from model.pair import load_pair
    from quantization.probing import Probe

    (spec,) = (plan.reference(utterance) for utterance in used_for("verify"))
    show(Progress("reference", 0, 1))
    build_references([spec])
    show(Progress("reference", 1, 1))
    model, _, codec = load_pair(plan.choice)
    return Probe(
        methods(model, codec.decoder),
        read_recording(spec.folder()),
        read_reference(spec).request.options,
        model_limits(model.config, codec.lookahead_frames),
    )


def damages_of(plan: Plan, grain: Grain, show: Show) -> list[Damage]:
    """Measure what each part of a plan's model does under each of its schemes; kept in the cache.

    Args:
        plan: Names the model and the schemes.
        grain: What counts as one part.
        show: Is told of progress.
    """
    folder = damages_folder(plan, grain)
    if not usable(folder):
        found = sensitivity(
            open_probe(plan, show),
            plan.schemes,
            grain,
            lambda done, total, part: show(Progress("probe", done, total, part)),
        )
        document = json.dumps([asdict(damage) for damage in found], indent=1)

        def fill(folder: Path) -> None:
            (folder / "damages.json").write_text(document)

        publish(folder, fill)
    return [damage_of(entry) for entry in json.loads((folder / "damages.json").read_text())]


def damages_folder(plan: Plan, grain: Grain) -> Path:
    """Name the folder of the cache that a plan's sensitivity is kept in."""
    (spec,) = (plan.reference(utterance) for utterance in used_for("verify"))
    parts = {
        "sources": source_hash("model", "quantization"),
        "pins": pins(),
        "reference": spec.folder().name,
        "schemes": {scheme: file_of(scheme) for scheme in plan.schemes},
        "grain": grain,
    }
    return cache_root() / "sensitivity" / cache_key(parts)


def damage_of(entry: dict[str, Any]) -> Damage:
    """Read back what `asdict` made of a part's damage."""
    noise = {
        scheme: {End(end): ratio for end, ratio in ends.items()}
        for scheme, ends in entry["noise"].items()
    }
    return Damage(**{**entry, "noise": noise})
