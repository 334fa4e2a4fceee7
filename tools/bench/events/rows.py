"""The rows of the table: what each figure is made of, and what it must reach."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

Sample = Mapping[str, "float | list[float]"]
"""What one repetition measured, by name."""


@dataclass(frozen=True)
class Row:
    """A figure."""

    title: str
    inputs: tuple[str, ...]
    """Names in a sample."""
    value: Callable[[Sequence[float]], float]
    """From its inputs in one repetition."""
    must: float
    aim: float | None = None
    more_is_better: bool = True
    unit: str = ""
    pooled: bool = False
    """Whether all values of all repetitions are one population, of which the 99th percentile is the figure."""

    def values(self, samples: Sequence[Sample]) -> list[float]:
        """Return the figure of each repetition that measured it."""
        complete = [sample for sample in samples if all(name in sample for name in self.inputs)]
        if self.pooled:
            return sorted(value for sample in complete for value in _listed(sample[self.inputs[0]]))
        return sorted(self.value([_listed(sample[name])[0] for name in self.inputs]) for sample in complete)

    def figure(self, values: Sequence[float]) -> float:
        """Return what counts: the median, or of a pool the 99th percentile."""
        return values[min(len(values) - 1, int(0.99 * len(values)))] if self.pooled else median(values)

    def reached(self, figure: float, goal: float) -> bool:
        """Return whether a figure is as good as a goal."""
        return figure >= goal if self.more_is_better else figure <= goal


def _listed(value: "float | list[float]") -> list[float]:
    return value if isinstance(value, list) else [value]


def _only(values: Sequence[float]) -> float:
    return values[0]


def _ratio(values: Sequence[float]) -> float:
    return values[0] / values[1]


ROWS: Final = (
    Row("relay ÷ pipelined pika loop without a database", ("relay", "pipelined"), _ratio, 1.0, 1.5),
    Row("relay ÷ one confirm at a time", ("relay", "blocking"), _ratio, 20, 40),
    Row("commits/s of 16 writers with capture ÷ without", ("captured_commits", "plain_commits"), _ratio, 0.5, 0.8),
    Row("commit → function called, p50", ("latency_p50",), _only, 6, 3, more_is_better=False, unit="ms"),
    Row("commit → function called, p99", ("latency_p99",), _only, 30, 15, more_is_better=False, unit="ms"),
    Row("dispatcher ÷ wrk at the same function", ("dispatched", "wrk"), _ratio, 0.6, 0.9),
    Row("reverse with deduplication ÷ one transaction a message", ("reverse", "reverse_single"), _ratio, 20, 40),
    Row(
        "SQL statements per 1,000 events beside 16 writers",
        ("statements_beside_writers",),
        _only,
        8,
        more_is_better=False,
    ),
    Row("SQL statements per 1,000 events of a backlog", ("statements_at_load",), _only, 8, more_is_better=False),
    Row("NOTIFYs while awake", ("notifies",), _only, 0, more_is_better=False),
    Row("takeover after kill -9, p99", ("takeover",), _only, 2, 0.5, more_is_better=False, unit="s", pooled=True),
    Row("relay's memory, a million events piled up", ("backlog_memory",), _only, 200, more_is_better=False, unit="MB"),
)

RAW: Final = {
    "relay": "relay, events/s from outbox to confirm",
    "pipelined": "pipelined pika loop, events/s",
    "blocking": "one confirm at a time, events/s",
    "plain_commits": "commits/s without capture",
    "captured_commits": "commits/s with capture",
    "waiting_commits": "commits/s with capture, of writers that wait for what emit_event returns",
    "delivered_beside_writers": "relay beside 16 writers, events/s",
    "dispatched": "dispatcher, events/s",
    "wrk": "wrk, requests/s",
    "reverse": "reverse with deduplication, events/s",
    "reverse_single": "reverse, one transaction a message, events/s",
    "backlog_rate": "a million events piled up, events/s",
}
"""What the ratios were made of, shown below the table."""
