"""The workers of one subscription: so many threads, and whose turn it is.

What failed before gets half of them at most, and takes turns with the rest: it may be what hangs until its time limit.
"""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from events.dispatcher.delivery import Answer, Delivery

Call = Callable[[Delivery], Answer]

Turn = Callable[[Call], None]
"""Something to do with a function, which may be called."""


class Workers:
    """Threads that take turns in the order in which they are due."""

    def __init__(self, count: int, name: str, make_call: Callable[[], Call], changed: threading.Condition) -> None:
        """`make_call` is called once on each thread; `changed` is the condition that everything here is guarded by."""
        self.most_patient = max(1, count // 2)
        """How many may be busy with what failed before."""
        self.stopped = False
        self._make_call = make_call
        self._changed = changed
        self._fresh: deque[Turn] = deque()
        self._again: deque[Turn] = deque()
        self._later: list[tuple[float, int, Turn]] = []
        self._order = itertools.count()
        self._patient = 0
        self._patient_next = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def begin_nothing(self) -> None:
        """Finish what is under way, and begin nothing more."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def join(self, deadline: float) -> None:
        """Wait for what is under way until the monotonic `deadline`."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def soon(self, turn: Turn) -> None:
        """Take what never failed as soon as a worker is free."""
        with self._changed:
            self._fresh.append(turn)
            self._changed.notify()

    def again(self, turn: Turn, due: float = 0.0) -> None:
        """Take what failed before, from the monotonic time `due` on."""
        with self._changed:
            if due:
                heapq.heappush(self._later, (due, next(self._order), turn))
            else:
                self._again.append(turn)
            self._changed.notify()

    def _work(self) -> None:
        call = self._make_call()
        while (turn := self._take()) is not None:
            turn(call)

    def _take(self) -> Turn | None:
        """Wait for something to do; None when stopped."""
        with self._changed:
            while not self.stopped:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._again.append(heapq.heappop(self._later)[2])
                if (turn := self._next()) is not None:
                    return turn
                self._changed.wait(self._later[0][0] - now if self._later else None)
            return None

    def _next(self) -> Turn | None:
        patient = self._again and self._patient < self.most_patient
        if patient and (self._patient_next or not self._fresh):
            self._patient_next = False
            self._patient += 1
            turn = self._again.popleft()
            return lambda call: self._patiently(turn, call)
        self._patient_next = True
        return self._fresh.popleft() if self._fresh else None

    def _patiently(self, turn: Turn, call: Call) -> None:
        try:
            turn(call)
        finally:
            with self._changed:
                self._patient -= 1
                self._changed.notify()
