"""The loop of a search: Optuna proposes, predictions prune, the model in PyTorch judges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.search.space import Candidate, Space
from model.errors import ConfigError

if TYPE_CHECKING:
    import optuna

POPULATION = 24  # candidates per generation
SLACK = 1.3  # by which a predicted distance may be off: noise of parts may also cancel


@dataclass(frozen=True)
class Bounds:
    """What a candidate must keep to be worth its evaluation.

    Attributes:
        ms: Longest predicted synthesis.
        distance: Largest distance from fp32.
    """

    ms: float
    distance: float


@dataclass(frozen=True)
class Found:
    """A candidate that was evaluated.

    Attributes:
        number: Of the trial.
        candidate: What each part is held in.
        ms: Predicted milliseconds of one synthesis.
        distance: From fp32, of the model in PyTorch.
    """

    number: int
    candidate: Candidate
    ms: float
    distance: float


@dataclass(frozen=True)
class History:
    """All trials of a study.

    Attributes:
        found: Those that were evaluated, in order.
        front: Those of them that no other beats in both; the fastest first.
        pruned: How many predictions ruled out.
    """

    found: Sequence[Found]
    front: Sequence[Found]
    pruned: int

    @property
    def trials(self) -> int:
        """How many there are."""
        return len(self.found) + self.pruned


def open_study(path: Path, seed: int) -> "optuna.Study":
    """Open a study in a journal, or start one; what a killed search left undone is given up.

    Raises:
        ConfigError: Optuna is not installed.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ModuleNotFoundError:
        raise ConfigError(
            "optuna is not installed: pip install 'mobilespeech-bench[search]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="search",
        storage=JournalStorage(JournalFileBackend(str(path))),
        directions=["minimize", "minimize"],
        load_if_exists=True,
    )
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    done = len(study.get_trials(deepcopy=False))
    # Another seed than before the interruption: the same one would propose the same again.
    study.sampler = optuna.samplers.NSGAIISampler(population_size=POPULATION, seed=seed + done)
    return study


def search(
    study: "optuna.Study",
    space: Space,
    bounds: Bounds,
    evaluate: Callable[[Candidate], float],
    *,
    trials: int,
    limit_s: float,
    show: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> History:
    """Go on with a study until it has as many trials, or the time is over.

    Args:
        study: Made by `open_study`.
        space: What there is to choose from; its own front comes first.
        bounds: What prunes.
        evaluate: Measures a candidate's distance from fp32.
        trials: In all, those of before among them.
        limit_s: Wall seconds for this call.
        show: Told of trials done, of how many, and what came of the last.
    """
    import optuna

    if not study.get_trials(deepcopy=False):
        for candidate in space.seeds(POPULATION):
            study.enqueue_trial(dict(candidate))
    known = {tuple(found.candidate.items()): found.distance for found in history(study).found}

    def objective(trial: "optuna.Trial") -> tuple[float, float]:
        candidate = {
            part: trial.suggest_categorical(part, list(ways)) for part, ways in space.parts.items()
        }
        ms, guess = space.predicted_ms(candidate), space.predicted_distance(candidate)
        if ms > bounds.ms or guess > SLACK * bounds.distance:
            show(trial.number + 1, trials, f"pruned at {ms:.0f} ms, {guess:.2%}")
            raise optuna.TrialPruned
        key = tuple(candidate.items())
        if key not in known:
            known[key] = evaluate(candidate)
        show(trial.number + 1, trials, f"{ms:.0f} ms, {known[key]:.2%}")
        return ms, known[key]

    missing = trials - history(study).trials
    if missing > 0:
        study.optimize(objective, n_trials=missing, timeout=limit_s)
    return history(study)


def history(study: "optuna.Study") -> History:
    """Read the trials of a study."""
    from optuna.trial import TrialState

    finished = study.get_trials(deepcopy=False)
    found = [
        Found(trial.number, dict(trial.params), *trial.values)
        for trial in finished
        if trial.state is TrialState.COMPLETE
    ]
    pruned = sum(trial.state is TrialState.PRUNED for trial in finished)
    return History(found, pareto(found), pruned)


def pareto(found: Sequence[Found]) -> list[Found]:
    """Keep what no other is as fast as and nearer to fp32; the fastest first."""
    front: list[Found] = []
    for one in sorted(found, key=lambda one: (one.ms, one.distance, one.number)):
        if not front or one.distance < front[-1].distance:
            front.append(one)
    return front
