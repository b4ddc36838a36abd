"""Measure until the interval is narrow enough, with an interval that stays valid.

Checking after every repeat and stopping at the first narrow interval would give intervals that miss
the median too often. So the checks (looks) are few and fixed in advance, and each uses its share of
the allowed error (Bonferroni): the interval at the last look, at the confidence of one look, misses
the true median at most as often as allowed. It lies between two order statistics, which is valid
for any noise (David and Nagaraja, "Order Statistics", 2003, section 7.1).
"""

from collections.abc import Sequence
from functools import cache
from math import comb

from devices.schedule import Schedule

ALPHA = 0.05
GROWTH = 1.25  # of the repeats from one look to the next


@cache
def looks(fewest: int, most: int) -> tuple[int, ...]:
    """Return the numbers of repeats at which to look, the last one included.

    Args:
        fewest: Repeats that are measured in any case.
        most: Repeats after which to stop in any case.
    """
    numbers = [max(1, fewest)]
    while numbers[-1] < most:
        numbers.append(min(most, max(numbers[-1] + 1, round(numbers[-1] * GROWTH))))
    # A look without an interval of the confidence needed would spend its share for nothing.
    while len(numbers) > 1 and depth(numbers[0], ALPHA / len(numbers)) == 0:
        numbers.pop(0)
    return tuple(numbers)


@cache
def depth(count: int, alpha: float) -> int:
    """Return which order statistics from either end enclose the median; 0 where none do.

    Their interval misses it as often as fewer than so many of `count` fair coins fall to one side.
    """
    tail, enclosing = 0.0, 0
    for heads in range(count // 2):
        tail += comb(count, heads) / 2**count
        if 2 * tail > alpha:
            break
        enclosing = heads + 1
    return enclosing


def interval(samples: Sequence[float], fewest: int, most: int) -> tuple[float, float] | None:
    """Return the interval of the median at one look; None where the repeats do not suffice."""
    ordered = sorted(samples)
    enclosing = depth(len(ordered), ALPHA / len(looks(fewest, most)))
    return (ordered[enclosing - 1], ordered[-enclosing]) if enclosing else None


def settled(samples: Sequence[float], schedule: Schedule) -> bool:
    """Say whether a case has been measured enough.

    Args:
        samples: Of the metric that is watched, one per repeat so far.
        schedule: How narrow the interval should be, and after how many repeats to stop anyway.
    """
    if not schedule.until:
        return len(samples) >= schedule.repeats
    count = len(samples)
    if count >= schedule.most_repeats:
        return True
    if count not in looks(schedule.repeats, schedule.most_repeats):
        return False
    found = interval(samples, schedule.repeats, schedule.most_repeats)
    if found is None:
        return False
    low, high = found
    return high - low <= schedule.until * (high + low)


def rounds(schedule: Schedule) -> int:
    """Return how many rounds there are at most."""
    return schedule.most_repeats if schedule.until else schedule.repeats
