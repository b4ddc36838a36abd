"""From clips to scores: which looks the metrics need, and what they read off them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from bench.quality.clips import Clip, Look, Need, Observation, Score, Seen, Unscored
from bench.quality.engine import Done, observe
from bench.quality.judges import Judge
from bench.quality.packages import not_installed
from bench.quality.scorers import SCORERS

UNMET: dict[Need, str] = {
    "text": "nobody knows what should have been said",
    "prompt": "no voice was asked for",
    "reference": "no sentence lasts exactly as long as its reference",
}


@dataclass(frozen=True)
class Judgement:
    """What judges said.

    Attributes:
        scores: Per clip, by metric; a metric that does not apply to a clip is not there.
        reasons: Per metric without a score in any clip, why.
    """

    scores: tuple[Mapping[str, Score], ...]
    reasons: Mapping[str, str]


def judge(
    clips: Sequence[Clip], judges: Mapping[str, Judge], executor: Executor, done: Done
) -> Judgement:
    """Score clips by every judge whose packages are installed.

    Args:
        clips: What was said.
        judges: By metric.
        executor: Where scorers run.
        done: Is told of progress.
    """
    reasons = {
        name: reason
        for name, one in judges.items()
        if (reason := not_installed(SCORERS[one.scorer].packages))
    }
    active = {name: one for name, one in judges.items() if name not in reasons}
    wanted = [
        (number, name, looks_of(clip, one))
        for number, clip in enumerate(clips)
        for name, one in active.items()
        if all(clip.has(need) for need in one.needs)
    ]
    found = observe([look for _, _, looks in wanted for look in looks], executor, done)
    scores: list[dict[str, Score]] = [{} for _ in clips]
    failed: dict[str, str] = {}
    for number, name, looks in wanted:
        seen = [next(found) for _ in looks]
        problems = [one.reason for one in seen if isinstance(one, Unscored)]
        if problems:
            failed.setdefault(name, problems[0])
            continue
        score = active[name].read(as_seen(clips[number], seen))
        if score is not None:
            scores[number][name] = score
    for name, one in active.items():
        if not any(name in of_clip for of_clip in scores):
            unmet = [need for need in one.needs if not any(clip.has(need) for clip in clips)]
            why = UNMET[unmet[0]] if unmet else "it applies to none of the sentences"
            reasons[name] = failed.get(name, why)
    return Judgement(tuple(scores), reasons)


def looks_of(clip: Clip, one: Judge) -> list[Look]:
    """List what a judge needs of a clip: a look at its speech, and one at its prompt."""
    scorer = SCORERS[one.scorer]
    lang = clip.lang if scorer.by_language else ""
    looks = [Look(one.scorer, clip.speech, clip.reference if scorer.compares else None, lang)]
    if "prompt" in one.needs and clip.prompt is not None:
        looks.append(Look(one.scorer, clip.prompt, lang=lang))
    return looks


def as_seen(clip: Clip, observations: Sequence[Observation | Unscored]) -> Seen:
    """Arrange observations in the order of `looks_of`; none of them is `Unscored`."""
    speech, *prompt = (one for one in observations if not isinstance(one, Unscored))
    return Seen(clip, speech, prompt[0] if prompt else None)
