"""Summaries over repeats."""

from collections.abc import Sequence

import numpy as np

from bench.results import Measurement

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20240214  # intervals of the same samples are the same everywhere


def summarize(samples: Sequence[float], unit: str) -> Measurement:
    """Take the median of some samples with its percentile-bootstrap interval.

    Args:
        samples: One per repeat; at least one.
        unit: Of the samples.
    """
    values = np.asarray(samples, np.float64)
    rng = np.random.default_rng(SEED)
    medians = np.median(rng.choice(values, (RESAMPLES, len(values))), axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(medians, (tail, 1 - tail))
    return Measurement(
        float(np.median(values)), float(low), float(high), unit, tuple(map(float, samples))
    )
