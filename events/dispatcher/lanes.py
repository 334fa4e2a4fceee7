"""Order and patience: deliveries of one subject one after another, different subjects in parallel, retries that wait.

A subject whose event has to be tried again holds up itself and nobody else: what is tried again gets half of the
workers at most, and what would fill the window of deliveries that RabbitMQ lets wait here is put on the shelf.
"""

import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from events.dispatcher.delivery import Answer, Delivery, Verdict
from events.subscriptions import Subscription

Call = Callable[[Delivery], Answer]

PREFETCH: Final = 64
"""Deliveries held for each subject that is worked on at a time."""

LONG: Final = 60.0
"""Seconds after which a subject that fails goes to the shelf in any case: RabbitMQ wants an end of every delivery."""


class Chunk(Protocol):
    """Events of one subject that come from the shelf."""

    def work(self, call: Call) -> None:
        """Handle them, one after another."""


@dataclass
class Leaving:
    """What goes to the shelf, in order."""

    generation: int = 0
    opened: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Subjects of which nothing is there yet: attempts of the first event, and seconds until the next."""
    deliveries: list[Delivery] = field(default_factory=list)


class Lanes:
    """The deliveries of one subscription that are waiting, being worked on, or being tried again."""

    def __init__(
        self,
        subscription: Subscription,
        make_call: Callable[[], Call],
        settle: Callable[[Delivery, Answer], None],
        ring: Callable[[], None],
    ) -> None:
        """`make_call` is called once on each worker's thread; `settle` gets every delivery that is handled or dead.

        `ring` wakes the shelf.
        """
        self.subscription = subscription
        self.make_call = make_call
        self.settle = settle
        self.ring = ring
        self.window = subscription.concurrency * PREFETCH
        self.stopped = False
        self.retries = 0
        self.handled_last = 0.0
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Delivery]] = {}
        self._ready: deque[str] = deque()
        self._again: deque[str | Chunk] = deque()
        self._paused: list[tuple[float, int, str]] = []
        self._patient = 0
        self._patient_next = False
        self._order = itertools.count()
        self._generation = 0
        self._connection = 0
        self._shelved: set[str] | None = None
        self._arrived: list[Delivery] = []
        self._leaving = Leaving()
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
            if delivery.connection != self._connection:
                # Another may have been the consumer meanwhile: only the shelf knows which subjects wait there now.
                self._connection = delivery.connection
                self._shelved = None
            if self._shelved is None:
                self._arrived.append(delivery)
                self.ring()
            else:
                self._admit(delivery)

    def forget(self) -> None:
        """Drop what is waiting: its connection is gone, and the broker will deliver it again."""
        with self._changed:
            self._generation += 1
            self._connection = 0
            self._shelved = None
            self._leaving = Leaving(self._generation)
            for held in (self._waiting, self._ready, self._paused, self._arrived):
                held.clear()
            # What comes from the shelf has nothing to do with the connection.
            self._again = deque(each for each in self._again if not isinstance(each, str))

    def begin_nothing(self) -> None:
        """Let the workers finish what is under way, and begin nothing more."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def join(self, deadline: float) -> None:
        """Wait for what is under way until the monotonic `deadline`."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def depth(self) -> int:
        """How many deliveries are held."""
        with self._changed:
            return self._depth()

    @property
    def asks(self) -> int | None:
        """The connection whose deliveries wait for `know`, if there are any."""
        with self._changed:
            return self._connection if self._arrived else None

    def know(self, connection: int, shelved: set[str]) -> None:
        """Learn which subjects are on the shelf; what has arrived over `connection` can begin."""
        with self._changed:
            if connection == self._connection:
                self._shelved = shelved
                arrived, self._arrived = self._arrived, []
                for delivery in arrived:
                    self._admit(delivery)

    def leaving(self, room: int) -> Leaving | None:
        """Give up what is to go to the shelf now, where there is room for more subjects."""
        with self._changed:
            self._choose(room)
            if not self._leaving.deliveries:
                return None
            leaving, self._leaving = self._leaving, Leaving(self._generation)
            return leaving

    def is_current(self, leaving: Leaving) -> bool:
        """Tell whether deliveries are still ours: RabbitMQ will deliver them again otherwise."""
        with self._changed:
            return leaving.generation == self._generation

    def stay(self, leaving: Leaving, subjects: set[str]) -> None:
        """Take back the deliveries of subjects of which nothing waits on the shelf any more."""
        with self._changed:
            if leaving.generation == self._generation and self._shelved is not None:
                self._shelved -= subjects
                behind = [each for each in self._leaving.deliveries if each.subject in subjects]
                self._leaving.deliveries = [each for each in self._leaving.deliveries if each.subject not in subjects]
                for delivery in [*(each for each in leaving.deliveries if each.subject in subjects), *behind]:
                    self._admit(delivery)

    def catch_up(self, chunk: Chunk) -> None:
        """Take in events from the shelf."""
        with self._changed:
            self._again.append(chunk)
            self._changed.notify()

    @property
    def most_patient(self) -> int:
        """How many workers may be busy with what failed before."""
        return max(1, self.subscription.concurrency // 2)

    def pause(self, attempts: int) -> float:
        """Return the seconds to wait after so many calls."""
        longest = self.subscription.max_backoff_seconds
        pause = min(longest, self.subscription.backoff_seconds * 2.0 ** min(attempts - 1, 50))
        return pause * random.uniform(0.5, 1.5)  # noqa: S311 - jitter

    def judged(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return what an answer comes to, after so many attempts."""
        if answer.verdict is Verdict.RETRY:
            self.retries += 1
            if delivery.attempts >= self.subscription.attempts:
                return Answer(Verdict.DEAD, answer.reason, answer.detail)
        elif answer.verdict is Verdict.HANDLED:
            self.handled_last = time.monotonic()
        return answer

    def _depth(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _admit(self, delivery: Delivery) -> None:
        lane = self._waiting.get(delivery.subject)
        if self._shelved and delivery.subject in self._shelved:
            self._leaving.deliveries.append(delivery)
            self.ring()
        elif lane is None:
            self._waiting[delivery.subject] = deque([delivery])
            self._ready.append(delivery.subject)
            self._changed.notify()
        else:
            lane.append(delivery)

    def _choose(self, room: int) -> None:
        """Choose subjects for the shelf, those with most events first, until half of the window is free."""
        depth, now = self._depth(), time.monotonic()
        due = {subject: moment for moment, _, subject in self._paused}
        due |= {each: now for each in self._again if isinstance(each, str)}
        for subject in sorted(due, key=lambda subject: -len(self._waiting[subject])):
            lane = self._waiting[subject]
            fails = now - lane[0].failed_first
            # Unless others are handled meanwhile the function may be down, and moving everything would help nobody.
            known_bad = self.handled_last > lane[0].failed_first
            if (depth > self.window // 2 or fails > LONG) and (room > 0 or known_bad) and self._put_away(subject, due):
                depth -= len(lane)
                room -= 1

    def _put_away(self, subject: str, due: dict[str, float]) -> bool:
        lane = self._waiting[subject]
        if self._shelved is None or not all(delivery.is_storable for delivery in lane):
            return False
        del self._waiting[subject]
        if subject in self._again:
            self._again.remove(subject)
        self._paused = [each for each in self._paused if each[2] != subject]
        heapq.heapify(self._paused)
        self._shelved.add(subject)
        self._leaving.opened[subject] = (lane[0].attempts, max(0.0, due[subject] - time.monotonic()))
        self._leaving.deliveries.extend(lane)
        return True

    def _work(self) -> None:
        call = self.make_call()
        while (turn := self._take()) is not None:
            turn(call)

    def _take(self) -> Callable[[Call], None] | None:
        """Wait for something to do; None when stopped."""
        with self._changed:
            while not self.stopped:
                now = time.monotonic()
                while self._paused and self._paused[0][0] <= now:
                    self._again.append(heapq.heappop(self._paused)[2])
                if (turn := self._next()) is not None:
                    return turn
                self._changed.wait(self._paused[0][0] - now if self._paused else None)
            return None

    def _next(self) -> Callable[[Call], None] | None:
        """Return whose turn it is; what failed before and what never did take turns."""
        patient = self._again and self._patient < self.most_patient
        if patient and (self._patient_next or not self._ready):
            self._patient_next = False
            self._patient += 1
            again = self._again.popleft()
            return partial(self._patiently, self._deliver(again) if isinstance(again, str) else again.work)
        self._patient_next = True
        return self._deliver(self._ready.popleft()) if self._ready else None

    def _patiently(self, turn: Callable[[Call], None], call: Call) -> None:
        try:
            turn(call)
        finally:
            with self._changed:
                self._patient -= 1
                self._changed.notify()

    def _deliver(self, subject: str) -> Callable[[Call], None]:
        return partial(self._handle, self._waiting[subject][0], self._generation)

    def _handle(self, delivery: Delivery, generation: int, call: Call) -> None:
        delivery.attempts += 1
        answer = self.judged(delivery, call(delivery))
        if self._finish(delivery, answer, generation):
            self.settle(delivery, answer)

    def _finish(self, delivery: Delivery, answer: Answer, generation: int) -> bool:
        """Let the subject go on; tell whether the delivery is to be settled."""
        with self._changed:
            if generation != self._generation:
                return False
            lane = self._waiting[delivery.subject]
            if answer.verdict is Verdict.RETRY:
                now = time.monotonic()
                delivery.failed_first = delivery.failed_first or now
                due = now + self.pause(delivery.attempts)
                heapq.heappush(self._paused, (due, next(self._order), delivery.subject))
                if self._depth() > self.window // 2:
                    self.ring()
            else:
                lane.popleft()
                if lane:
                    self._ready.append(delivery.subject)
                else:
                    del self._waiting[delivery.subject]
            self._changed.notify()
            return answer.verdict is not Verdict.RETRY
