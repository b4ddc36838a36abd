"""Summaries over repeats, or over sentences."""

from collections.abc import Sequence

import numpy as np

from bench.results import Measurement
from bench.stopping import depth

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20240214  # intervals of the same samples are the same everywhere


def summarize(
    samples: Sequence[float], unit: str, weights: Sequence[float] | None = None
) -> Measurement:
    """Take the median of repeats, or the mean of sentences, with a 95 % interval.

    The interval of the median lies between two order statistics, which is valid for any noise. Of
    fewer than six repeats it is their range (of 5, its confidence is 93.75 %). The interval of the
    mean is the percentile bootstrap's.

    Args:
        samples: One per repeat or sentence; at least one.
        unit: Of the samples.
        weights: Of sentences; None for repeats. Rates of errors are weighted by words, so that
            their mean is errors over words of all sentences.
    """
    values = np.asarray(samples, np.float64)
    if weights is None:
        estimate, ordered = np.median(values), np.sort(values)
        outer = max(depth(len(values), 1 - CONFIDENCE), 1)
        low, high = ordered[outer - 1], ordered[-outer]
    else:
        rng = np.random.default_rng(SEED)
        drawn = rng.integers(0, len(values), (RESAMPLES, len(values)))
        counted = np.asarray(weights, np.float64)
        estimate = np.average(values, weights=counted)
        estimates = np.average(values[drawn], axis=1, weights=counted[drawn])
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(estimates, (tail, 1 - tail))
    return Measurement(float(estimate), float(low), float(high), unit, tuple(map(float, samples)))
