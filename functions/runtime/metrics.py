"""How often and how fast functions answer, as Prometheus reads it at `/_/metrics` of a container.

These are a few lines of our own, because a library for it costs more start-up time than all of them together.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

PATH: Final = "/_/metrics"

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the histogram, in seconds."""

RESPONSES: Final = "botberi_function_responses_total"
SECONDS: Final = "botberi_function_seconds"
PUSHED: Final = "botberi_push_notifications_total"

Sample = tuple[str, Mapping[str, str], float]
"""A metric's name, its labels, its value."""


class Responses:
    """Counts the answers of the functions of this process, and measures their times."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = Lock()
        self._count: Counter[tuple[str, int]] = Counter()
        self._buckets: Counter[tuple[str, int]] = Counter()
        self._sum: defaultdict[str, float] = defaultdict(float)

    def observe(self, function: str, status: int, seconds: float) -> None:
        """Count one answer of a function."""
        with self._lock:
            self._count[function, status] += 1
            self._buckets[function, bisect_left(BUCKETS, seconds)] += 1
            self._sum[function] += seconds

    def text(self) -> str:
        """Return the metrics as text."""
        with self._lock:
            counts, buckets, sums = dict(self._count), dict(self._buckets), dict(self._sum)
        responses = (
            (RESPONSES, {"function": name, "status": str(code)}, n) for (name, code), n in sorted(counts.items())
        )
        return family(RESPONSES, "counter", "Answers of functions.", responses) + family(
            SECONDS, "histogram", "How long they took.", _histogram(buckets, sums)
        )


def _histogram(buckets: Mapping[tuple[str, int], int], sums: Mapping[str, float]) -> Iterator[Sample]:
    for function, total in sorted(sums.items()):
        count = 0
        for place, bound in enumerate((*map(str, BUCKETS), "+Inf")):
            count += buckets.get((function, place), 0)
            yield f"{SECONDS}_bucket", {"function": function, "le": bound}, count
        yield f"{SECONDS}_sum", {"function": function}, total
        yield f"{SECONDS}_count", {"function": function}, count


def family(name: str, kind: str, about: str, samples: Iterable[Sample]) -> str:
    """Return one metric and its samples in Prometheus' text format; label values hold no quotes or line ends."""
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    for each, labels, value in samples:
        inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
        lines.append(f"{each}{{{inside}}} {value:g}" if inside else f"{each} {value:g}")
    return "\n".join(lines) + "\n"


class PushNotifications:
    """Counts what became of the push notifications that this process has sent."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = Lock()
        self._count: Counter[str] = Counter()

    def count(self, outcome: Literal["accepted", "refused", "given_up"]) -> None:
        """Count one attempt."""
        with self._lock:
            self._count[outcome] += 1

    def text(self) -> str:
        """Return the metric as text; empty as long as none was sent."""
        with self._lock:
            counts = dict(self._count)
        samples = ((PUSHED, {"outcome": outcome}, n) for outcome, n in sorted(counts.items()))
        return family(PUSHED, "counter", "Attempts at push notifications.", samples) if counts else ""


responses: Final = Responses()
push_notifications: Final = PushNotifications()
"""The metrics of this process."""


def text() -> str:
    """Return all metrics as text."""
    return responses.text() + push_notifications.text()
