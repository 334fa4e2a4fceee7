"""The workers of one subscription: threads, and the order of their tasks.

What failed before gets half of them at most, and takes turns with the rest: it may be what hangs until its time limit.
"""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from events.dispatcher.delivery import CallResult, Delivery

Call = Callable[[Delivery], CallResult]

Task = Callable[[Call], None]
"""Something to do with a function, which may be called."""


class Workers:
    """Threads that take tasks in the order in which they are due."""

    def __init__(self, count: int, name: str, make_call: Callable[[], Call], changed: threading.Condition) -> None:
        """`make_call` is called once on each thread; `changed` is the condition that everything here is guarded by."""
        self.retry_limit = max(1, count // 2)
        """How many may be busy with what failed before."""
        self.stopped = False
        self._make_call = make_call
        self._changed = changed
        self._fresh: deque[Task] = deque()
        self._again: deque[Task] = deque()
        self._later: list[tuple[float, int, Task, deque[Task]]] = []
        self._order = itertools.count()
        self._retrying = 0
        self._retry_next = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def begin_nothing(self) -> None:
        """Start no more tasks; those under way go on to their end."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def join(self, deadline: float) -> None:
        """Wait for what is under way until the monotonic `deadline`."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def soon(self, task: Task, due: float = 0.0) -> None:
        """Queue a task that never failed, for the next worker that is free from the monotonic time `due` on."""
        self._queue(task, due, self._fresh)

    def again(self, task: Task, due: float = 0.0) -> None:
        """Queue a task that failed before, from the monotonic time `due` on."""
        self._queue(task, due, self._again)

    def _queue(self, task: Task, due: float, tasks: deque[Task]) -> None:
        with self._changed:
            if due:
                heapq.heappush(self._later, (due, next(self._order), task, tasks))
            else:
                tasks.append(task)
            self._changed.notify()

    def _work(self) -> None:
        call = self._make_call()
        while (task := self._take()) is not None:
            task(call)

    def _take(self) -> Task | None:
        """Wait for a task and return it; None when stopped."""
        with self._changed:
            while not self.stopped:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    _, _, task, tasks = heapq.heappop(self._later)
                    tasks.append(task)
                if (found := self._next()) is not None:
                    return found
                self._changed.wait(self._later[0][0] - now if self._later else None)
            return None

    def _next(self) -> Task | None:
        retrying = self._again and self._retrying < self.retry_limit
        if retrying and (self._retry_next or not self._fresh):
            self._retry_next = False
            self._retrying += 1
            task = self._again.popleft()
            return lambda call: self._retry(task, call)
        self._retry_next = True
        return self._fresh.popleft() if self._fresh else None

    def _retry(self, task: Task, call: Call) -> None:
        try:
            task(call)
        finally:
            with self._changed:
                self._retrying -= 1
                self._changed.notify()
