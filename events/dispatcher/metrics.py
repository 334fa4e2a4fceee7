"""Calls of functions, counted: each worker for itself, so that counting waits for nobody."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Final

from events.dispatcher.delivery import CallResult, Delivery, Verdict

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram, in seconds."""


class Counted:
    """A caller of a function that counts its calls by result and duration; for one thread."""

    def __init__(self, call: Callable[[Delivery], CallResult]) -> None:
        """Begin at zero."""
        self.call = call
        self.busy = False
        self.results: dict[str, int] = {}
        """Number of calls by reason."""
        self.verdicts: dict[str, Verdict] = {}
        """The verdict of each reason."""
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def __call__(self, delivery: Delivery) -> CallResult:
        """Call the function with a delivery, count the result, and return it."""
        self.busy = True
        started = perf_counter()
        try:
            result = self.call(delivery)
        finally:
            self.busy = False
        seconds = perf_counter() - started
        reason = result.reason
        if reason not in self.results:
            self.verdicts[reason], self.results[reason] = result.verdict, 0
        self.results[reason] += 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds
        return result


def total(counted: Iterable[Counted]) -> tuple[Counter[tuple[str, str]], list[int], float, int]:
    """Return answers by verdict and reason, buckets, seconds and calls under way of several workers together."""
    results: Counter[tuple[str, str]] = Counter()
    buckets, seconds, busy = [0] * (len(BUCKETS) + 1), 0.0, 0
    for each in counted:
        # A copy made at one blow: the worker goes on counting.
        for reason, count in dict(each.results).items():
            results[each.verdicts[reason].name.lower(), reason] += count
        buckets = [mine + yours for mine, yours in zip(buckets, list(each.buckets), strict=True)]
        seconds += each.seconds
        busy += each.busy
    return results, buckets, seconds, busy
