"""The rows of the table: what each figure is made of, and what it must reach."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

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


def only(values: Sequence[float]) -> float:
    """Return the one input."""
    return values[0]


def ratio(values: Sequence[float]) -> float:
    """Return the first input, divided by the second."""
    return values[0] / values[1]
