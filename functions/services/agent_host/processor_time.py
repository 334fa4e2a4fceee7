"""The processor time of calls, where several are answered by one process at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(eq=False)
class Spent:
    """What a call has taken so far."""

    seconds: float | None = 0.0
    """None if it isn't known."""

    @property
    def milliseconds(self) -> int | None:
        """Return it in whole milliseconds."""
        return None if self.seconds is None else round(self.seconds * 1000)


class ProcessorTime:
    """Shares out what a process takes among the calls that it answers meanwhile, in equal parts."""

    def __init__(self, read: Callable[[], float | None]) -> None:
        """`read` returns the seconds that the process has taken; None if they aren't known."""
        self._read = read
        self._before: float | None = None
        self._calls: list[Spent] = []

    @contextmanager
    def call(self) -> Iterator[Spent]:
        """Yield what a call takes inside of the block; it is up to date after the block."""
        self._share_out()
        spent = Spent()
        self._calls.append(spent)
        try:
            yield spent
        finally:
            self._share_out()
            self._calls.remove(spent)

    def _share_out(self) -> None:
        before, self._before = self._before, self._read()
        for each in self._calls:
            if before is None or self._before is None or each.seconds is None:
                each.seconds = None
            else:
                each.seconds += (self._before - before) / len(self._calls)
