"""Order and patience: deliveries of one subject one after another, different subjects in parallel, retries that wait.

A subject whose event has to be tried again holds up itself and nobody else.
"""

import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable

from events.dispatcher.delivery import Answer, Delivery, Verdict
from events.subscriptions import Subscription


class Lanes:
    """The deliveries of one subscription that are waiting, being worked on, or being tried again."""

    def __init__(
        self,
        subscription: Subscription,
        make_call: Callable[[], Callable[[Delivery], Answer]],
        settle: Callable[[Delivery, Answer], None],
    ) -> None:
        """`make_call` is called once on each worker's thread; `settle` gets every delivery that is handled or dead."""
        self.subscription = subscription
        self.make_call = make_call
        self.settle = settle
        self.stopped = False
        self.retries = 0
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Delivery]] = {}
        self._ready: deque[str] = deque()
        self._paused: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._generation = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"{subscription.function}-{number}", daemon=True)
            for number in range(subscription.concurrency)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def accept(self, delivery: Delivery) -> None:
        """Take a delivery in, behind those of its subject."""
        with self._changed:
            lane = self._waiting.get(delivery.subject)
            if lane is None:
                self._waiting[delivery.subject] = deque([delivery])
                self._ready.append(delivery.subject)
                self._changed.notify()
            else:
                lane.append(delivery)

    def forget(self) -> None:
        """Drop what is waiting: its connection is gone, and the broker will deliver it again."""
        with self._changed:
            self._generation += 1
            self._waiting.clear()
            self._ready.clear()
            self._paused.clear()

    def stop(self, deadline: float) -> None:
        """Begin nothing more, and wait for what is under way until the monotonic `deadline`."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def depth(self) -> int:
        """How many deliveries are held."""
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def _work(self) -> None:
        call = self.make_call()
        while (taken := self._take()) is not None:
            delivery, generation = taken
            delivery.attempts += 1
            answer = call(delivery)
            if answer.verdict is Verdict.RETRY and delivery.attempts >= self.subscription.attempts:
                answer = Answer(Verdict.DEAD, answer.reason, answer.detail)
            if self._finish(delivery, answer, generation):
                self.settle(delivery, answer)

    def _take(self) -> tuple[Delivery, int] | None:
        """Wait for a subject whose turn it is; None when stopped."""
        with self._changed:
            while not self.stopped:
                now = time.monotonic()
                while self._paused and self._paused[0][0] <= now:
                    self._ready.append(heapq.heappop(self._paused)[2])
                if self._ready:
                    return self._waiting[self._ready.popleft()][0], self._generation
                self._changed.wait(self._paused[0][0] - now if self._paused else None)
            return None

    def _finish(self, delivery: Delivery, answer: Answer, generation: int) -> bool:
        """Let the subject go on; tell whether the delivery is to be settled."""
        with self._changed:
            if generation != self._generation:
                return False
            lane = self._waiting[delivery.subject]
            if answer.verdict is Verdict.RETRY:
                self.retries += 1
                due = time.monotonic() + self._pause(delivery.attempts)
                heapq.heappush(self._paused, (due, next(self._order), delivery.subject))
            else:
                lane.popleft()
                if lane:
                    self._ready.append(delivery.subject)
                else:
                    del self._waiting[delivery.subject]
            self._changed.notify()
            return answer.verdict is not Verdict.RETRY

    def _pause(self, attempts: int) -> float:
        longest = self.subscription.max_backoff_seconds
        pause = min(longest, self.subscription.backoff_seconds * 2.0 ** (attempts - 1))
        return pause * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
