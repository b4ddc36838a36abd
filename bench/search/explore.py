"""The whole search: measure uniform schemes, learn what parts cost, try, lower the finalists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.pipeline import Plan
from bench.probing import damages_folder, damages_of, open_probe
from bench.progress import Progress, Show
from bench.results import Outcome, Run
from bench.search.space import Candidate, Space, make_space, stage_times
from bench.search.study import Bounds, Found, History, open_study, search
from devices.lab_config import PREFIX
from lowering.backend import Proof
from lowering.backends import make_backend
from lowering.cache import cache_key, cache_root
from model.errors import ConfigError
from quantization.distance import End, distance
from quantization.scheme_files import FLOAT
from quantization.sensitivity import Damage, Grain, parts_of

if TYPE_CHECKING:
    import optuna

    from quantization.probing import Layer, Probe

INT8 = "8da8w"
HELD = (INT8, "8da4w")  # what a part may be held in, beside fp32
UNIFORM = (FLOAT, *HELD)  # what costs are predicted from
TO_BEAT = (INT8, "int8-static")  # uniform int8 schemes

Measure = Callable[[Plan], Run]


@dataclass(frozen=True)
class Wishes:
    """What to search for, and how long.

    Attributes:
        trials: In all, those before an interruption among them.
        limit_s: Wall seconds of trying.
        rtf: Slowest prediction worth an evaluation; 0 for that of fp32.
        max_loss: Largest distance from fp32; 0 for that of uniform 8da8w.
        seed: Of what is proposed.
        journal: Where trials are kept; None for a file of the cache.
    """

    trials: int
    limit_s: float
    rtf: float = 0.0
    max_loss: float = 0.0
    seed: int = 0
    journal: Path | None = None


@dataclass(frozen=True)
class Explored:
    """What a search found.

    Attributes:
        damages: What every part does alone, the worst first.
        space: What was chosen from.
        uniform: 8da8w, as predicted and as evaluated.
        history: All trials.
    """

    damages: Sequence[Damage]
    space: Space
    uniform: Found
    history: History


class Judge:
    """Measures distances of candidates in PyTorch; the model is loaded when it is first asked."""

    def __init__(self, plan: Plan, show: Show) -> None:
        self._plan = plan
        self._show = show
        self._probe: Probe | None = None
        self._layers: Mapping[str, Mapping[str, Sequence[Layer]]] = {}

    @property
    def probe(self) -> "Probe":
        """The model."""
        if self._probe is None:
            self._probe = open_probe(self._plan, self._show)
            self._layers = {
                scheme: parts_of(self._probe.layers(scheme), Grain.BLOCK) for scheme in HELD
            }
        return self._probe

    def __call__(self, candidate: Candidate) -> float:
        """Measure how far a mixed scheme is from fp32."""
        probe = self.probe
        return distance(
            probe.noise(
                {
                    layer: held
                    for part, held in candidate.items()
                    if held != FLOAT
                    for layer in self._layers[held][part]
                }
            )
        )


def explore(plan: Plan, wishes: Wishes, judge: Judge, measure: Measure, show: Show) -> Explored:
    """Search, or go on with a search that was interrupted.

    Args:
        plan: Names model, device, backend and what is said.
        wishes: What to search for.
        judge: Measures distances.
        measure: Lowers and measures the schemes of a plan.
        show: Is told of progress.

    Raises:
        ConfigError: The backend's programs do not run here, so that no distance could be checked;
            or times would be those of several devices.
    """
    if plan.device_name.startswith(PREFIX):
        raise ConfigError("a search is for one device: name it by --device")
    (backend,) = plan.backends
    if make_backend(backend).proof() is not Proof.EXECUTED:
        raise ConfigError(f"programs for {backend} do not run here: search with xnnpack")
    learning = replace(plan, schemes=HELD)
    study = open_study(wishes.journal or journal_of(learning), wishes.seed)
    damages = damages_of(learning, Grain.BLOCK, show)
    if "times" not in study.user_attrs:
        study.set_user_attr("times", stage_times(measure(replace(plan, schemes=UNIFORM))))
    space = make_space(damages, *study.user_attrs["times"])
    uniform = uniform_int8(study, space, judge)
    bounds = Bounds(
        ms=wishes.rtf * space.audio_ms or max(space.float_ms, uniform.ms),
        distance=wishes.max_loss or uniform.distance,
    )
    found = search(
        study,
        space,
        bounds,
        judge,
        trials=wishes.trials,
        limit_s=wishes.limit_s,
        show=lambda done, total, what: show(Progress("search", done, total, what)),
    )
    return Explored(damages, space, uniform, found)


def uniform_int8(study: "optuna.Study", space: Space, judge: Judge) -> Found:
    """Predict and evaluate uniform 8da8w, once per study."""
    candidate = space.uniform(INT8)
    if "uniform_distance" not in study.user_attrs:
        study.set_user_attr("uniform_distance", judge(candidate))
    distance_of = float(study.user_attrs["uniform_distance"])
    return Found(-1, candidate, space.predicted_ms(candidate), distance_of)


def journal_of(plan: Plan) -> Path:
    """Name the journal of a plan's search in the cache: another model or device is another one."""
    parts = {
        "damages": damages_folder(plan, Grain.BLOCK).name,
        "device": plan.device_name,
        "backend": plan.backends,
        "utterances": [utterance.name for utterance in plan.utterances],
        "threads": plan.schedule.threads,
    }
    return cache_root() / "searches" / f"{cache_key(parts)}.journal"


def lowered_distances(plan: Plan, run: Run, probe: "Probe") -> dict[str, float]:
    """Measure how far the lowered programs of a run are from fp32, as candidates are judged."""
    from quantization.probing import noise_to_signal

    (backend,) = plan.backends
    distances = {}
    for row in run.rows:
        if row.outcome is Outcome.OK:
            spec = plan.lowering(row.case.scheme, backend)
            call = spec.made_backend().load(spec.read().pte.read_bytes())
            outputs = probe.outputs(frozenset(End), call)
            noise = {end: noise_to_signal(probe.reference[end], outputs[end]) for end in End}
            distances[row.case.scheme] = distance(noise)
    return distances
