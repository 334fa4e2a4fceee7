"""Whether two samples can be told apart by their ranks: the Mann-Whitney U test."""

from collections.abc import Sequence
from itertools import groupby
from math import sqrt
from operator import itemgetter
from statistics import NormalDist


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how probable ranks at least as unlike as these are, if both samples come from one distribution.

    Two-sided, by the normal approximation with a correction for continuity and for ties, so for more than a few values.
    """
    first, second = len(one), len(other)
    both = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks, ties, place = 0.0, 0, 0
    for _, group in groupby(both, key=itemgetter(0)):
        equal = [sample for _, sample in group]
        # All of them have the mean of the ranks that they take.
        ranks += equal.count(0) * (place + (len(equal) + 1) / 2)
        ties += len(equal) ** 3 - len(equal)
        place += len(equal)
    statistic = ranks - first * (first + 1) / 2
    variance = first * second / 12 * (place + 1 - ties / (place * (place - 1)))
    if variance == 0:
        return 1.0
    distance = max(0.0, abs(statistic - first * second / 2) - 0.5)
    return 2 * NormalDist().cdf(-distance / sqrt(variance))
