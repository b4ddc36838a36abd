"""Summaries over repeats, or over sentences."""

from collections.abc import Sequence

import numpy as np

from bench.results import Measurement

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20240214  # intervals of the same samples are the same everywhere


def summarize(
    samples: Sequence[float], unit: str, weights: Sequence[float] | None = None
) -> Measurement:
    """Take the median of repeats, or the mean of sentences, with its percentile-bootstrap interval.

    Args:
        samples: One per repeat or sentence; at least one.
        unit: Of the samples.
        weights: Of sentences; None for repeats. Rates of errors are weighted by words, so that
            their mean is errors over words of all sentences.
    """
    values = np.asarray(samples, np.float64)
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(values), (RESAMPLES, len(values)))
    if weights is None:
        estimate, estimates = np.median(values), np.median(values[drawn], axis=1)
    else:
        counted = np.asarray(weights, np.float64)
        estimate = np.average(values, weights=counted)
        estimates = np.average(values[drawn], axis=1, weights=counted[drawn])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(estimates, (tail, 1 - tail))
    return Measurement(float(estimate), float(low), float(high), unit, tuple(map(float, samples)))
