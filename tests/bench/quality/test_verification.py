"""Thresholds come from pairs of real voices; the right voice must be nearer than every other."""

import numpy as np
import pytest

from bench.quality.verification import equal_error, recognised


def voices(angles):
    """Embeddings in a plane, by angle in degrees."""
    radians = np.radians(np.asarray(angles, float))
    return np.stack((np.cos(radians), np.sin(radians)), 1)


def test_voices_that_lie_apart_are_told_apart_without_error():
    found = equal_error(voices([0, 10, 90, 100]), ["a", "a", "b", "b"])
    assert found.rate == 0
    assert np.cos(np.radians(80)) < found.threshold < np.cos(np.radians(10))
    assert (found.same, found.different) == (2, 4)


def test_as_many_are_rejected_as_are_accepted_wrongly():
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(20), 10)
    noisy = rng.normal(0, 1, (20, 16))[speakers] + rng.normal(0, 1.2, (200, 16))
    embeddings = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    found = equal_error(embeddings, [str(s) for s in speakers])
    first, second = np.triu_indices(200, 1)
    cosines, same = (embeddings @ embeddings.T)[first, second], speakers[first] == speakers[second]
    missed = np.mean(cosines[same] < found.threshold)
    accepted = np.mean(cosines[~same] >= found.threshold)
    assert 0.01 < found.rate < 0.5
    assert missed == pytest.approx(accepted, abs=0.005)
    assert found.rate == pytest.approx((missed + accepted) / 2, abs=1e-9)


@pytest.mark.parametrize("speakers", [["a", "a"], ["a", "b"]])
def test_both_kinds_of_pairs_are_needed(speakers):
    with pytest.raises(ValueError, match="pairs"):
        equal_error(voices([0, 10]), speakers)


def test_relatives_are_neither_one_speaker_nor_two():
    angles, speakers = [0, 10, 12, 90, 100], ["a", "a", "blend", "b", "b"]
    relatives = {"a": frozenset({"blend"}), "blend": frozenset({"a"})}
    assert equal_error(voices(angles), speakers).rate > 0
    found = equal_error(voices(angles), speakers, relatives)
    assert (found.rate, found.different) == (0, 6)


def test_a_relative_may_be_nearer_than_the_right_voice():
    enrolled = dict(zip(("a", "blend", "b"), voices([0, 20, 90]), strict=True))
    (speech,) = voices([15])
    assert not recognised(speech, "a", enrolled)
    assert recognised(speech, "a", enrolled, {"a": frozenset({"blend"})})


def test_the_right_voice_must_be_the_nearest_of_all():
    enrolled = dict(zip("abc", voices([0, 40, 90]), strict=True))
    (speech,) = voices([15])
    assert recognised(speech, "a", enrolled)
    assert not recognised(speech, "b", enrolled)
