"""Whose voice it is: a verifier's threshold from real speech; whether it finds the right one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float64]  # (N, D), each of unit length
Relatives = Mapping[str, frozenset[str]]
NO_RELATIVES: Relatives = MappingProxyType({})


@dataclass(frozen=True)
class EqualError:
    """Where a verifier rejects as many right voices as it accepts wrong ones.

    Attributes:
        rate: Share of either.
        threshold: Cosine from which on two voices count as one.
        same: Pairs of utterances of one speaker that it was computed from.
        different: Pairs of two speakers.
    """

    rate: float
    threshold: float
    same: int
    different: int


def equal_error(
    embeddings: Embeddings, speakers: Sequence[str], relatives: Relatives = NO_RELATIVES
) -> EqualError:
    """Compute the equal error rate over all pairs of utterances.

    Args:
        embeddings: (N, D) of N utterances.
        speakers: Of each.
        relatives: Per speaker those whose pairs with it count for neither side.

    Returns:
        The rate and its threshold; between two cosines that separate the pairs perfectly, the
        middle.

    Raises:
        ValueError: There is no pair of one speaker, or none of two.
    """
    names = np.asarray(speakers)
    first, second = np.triu_indices(len(names), 1)
    cosines = (embeddings @ embeddings.T)[first, second]
    alike = names[first] == names[second]
    pairs = zip(names[first], names[second], strict=True)
    related = np.array([other in relatives.get(one, ()) for one, other in pairs], bool)
    same, different = np.sort(cosines[alike]), np.sort(cosines[~alike & ~related])
    if not len(same) or not len(different):
        raise ValueError("an equal error rate takes pairs of one speaker and pairs of two")
    edges = np.unique(np.concatenate((same, different)))
    thresholds = np.concatenate((edges[:1], (edges[:-1] + edges[1:]) / 2))
    missed = np.searchsorted(same, thresholds) / len(same)
    accepted = 1 - np.searchsorted(different, thresholds) / len(different)
    gap = np.abs(missed - accepted)
    best = np.flatnonzero(gap == gap.min())
    chosen = int(best[(len(best) - 1) // 2])
    rate = float(missed[chosen] + accepted[chosen]) / 2
    return EqualError(rate, float(thresholds[chosen]), len(same), len(different))


def recognised(
    speech: Embeddings,
    speaker: str,
    enrolled: Mapping[str, Embeddings],
    relatives: Relatives = NO_RELATIVES,
) -> bool:
    """Whether speech is nearer to its own speaker's prompt than to every other speaker's.

    Args:
        speech: (D,).
        speaker: Whose voice it should have.
        enrolled: (D,) of each speaker's prompt.
        relatives: Per speaker those that do not count as others.
    """
    cosines = {name: float(speech @ embedding) for name, embedding in enrolled.items()}
    own = cosines.pop(speaker)
    apart = relatives.get(speaker, ())
    return all(own > other for name, other in cosines.items() if name not in apart)
