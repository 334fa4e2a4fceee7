"""Order and patience: deliveries of one subject one after another, different subjects in parallel, retries that wait.

A subject whose event has to be tried again holds up itself and nobody else: what would fill the window of deliveries
that RabbitMQ lets wait here is put on the shelf.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from events.dispatcher.delivery import Answer, Delivery, Verdict
from events.dispatcher.workers import Call, Turn, Workers
from events.subscriptions import Subscription

PREFETCH: Final = 64
"""Deliveries held for each subject that is worked on at a time."""

LONG: Final = 60.0
"""Seconds after which a subject that fails goes to the shelf in any case: RabbitMQ wants an end of every delivery."""


@dataclass
class Leaving:
    """What goes to the shelf, in order."""

    generation: int = 0
    opened: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Subjects of which nothing is there yet: attempts of the first event, and seconds until the next."""
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(eq=False)
class Lane:
    """The deliveries of one subject, the first of which is being worked on or waits."""

    deliveries: deque[Delivery]
    due: float | None = None
    """When the first is tried again, by the monotonic clock; None if it didn't fail, or is being worked on."""


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
        self.settle = settle
        self.ring = ring
        self.window = subscription.concurrency * PREFETCH
        self.retries = 0
        self.handled_last = 0.0
        self._lock = threading.RLock()
        changed = threading.Condition(self._lock)
        self.workers = Workers(subscription.concurrency, subscription.function, make_call, changed)
        self._lanes: dict[str, Lane] = {}
        self._generation = 0
        self._connection = 0
        self._shelved: set[str] | None = None
        self._arrived: list[Delivery] = []
        self._leaving = Leaving()

    def accept(self, delivery: Delivery) -> None:
        """Take a delivery in, behind those of its subject."""
        with self._lock:
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
        with self._lock:
            self._generation += 1
            self._connection = 0
            self._shelved = None
            self._leaving = Leaving(self._generation)
            self._lanes.clear()
            self._arrived.clear()

    @property
    def depth(self) -> int:
        """How many deliveries are held."""
        with self._lock:
            return sum(len(lane.deliveries) for lane in self._lanes.values())

    @property
    def asks(self) -> int | None:
        """The connection whose deliveries wait for `know`, if there are any."""
        with self._lock:
            return self._connection if self._arrived else None

    def know(self, connection: int, shelved: set[str]) -> None:
        """Learn which subjects are on the shelf; what has arrived over `connection` can begin."""
        with self._lock:
            if connection == self._connection:
                self._shelved = shelved
                arrived, self._arrived = self._arrived, []
                for delivery in arrived:
                    self._admit(delivery)

    def leaving(self, room: int) -> Leaving | None:
        """Give up what is to go to the shelf now, where there is room for more subjects."""
        with self._lock:
            self._choose(room)
            if not self._leaving.deliveries:
                return None
            leaving, self._leaving = self._leaving, Leaving(self._generation)
            return leaving

    def is_current(self, leaving: Leaving) -> bool:
        """Tell whether deliveries are still ours: RabbitMQ will deliver them again otherwise."""
        with self._lock:
            return leaving.generation == self._generation

    def stay(self, leaving: Leaving, subjects: set[str]) -> None:
        """Take back the deliveries of subjects of which nothing waits on the shelf any more."""
        with self._lock:
            if leaving.generation == self._generation and self._shelved is not None:
                self._shelved -= subjects
                behind = [each for each in self._leaving.deliveries if each.subject in subjects]
                self._leaving.deliveries = [each for each in self._leaving.deliveries if each.subject not in subjects]
                for delivery in [*(each for each in leaving.deliveries if each.subject in subjects), *behind]:
                    self._admit(delivery)

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

    def _admit(self, delivery: Delivery) -> None:
        subject = delivery.subject
        lane = self._lanes.get(subject)
        if self._shelved and subject in self._shelved:
            self._leaving.deliveries.append(delivery)
            self.ring()
        elif lane is None:
            lane = self._lanes[subject] = Lane(deque([delivery]))
            self.workers.soon(self._turn(subject, lane))
        else:
            lane.deliveries.append(delivery)

    def _choose(self, room: int) -> None:
        """Choose subjects for the shelf, those with most events first, until half of the window is free."""
        depth, now = self.depth, time.monotonic()
        failing = [(subject, lane) for subject, lane in self._lanes.items() if lane.due is not None]
        for subject, lane in sorted(failing, key=lambda each: -len(each[1].deliveries)):
            failed_first = lane.deliveries[0].failed_first
            # Unless others are handled meanwhile the function may be down, and moving everything would help nobody.
            may = room > 0 or self.handled_last > failed_first
            if may and (depth > self.window // 2 or now - failed_first > LONG) and self._put_away(subject, lane, now):
                depth -= len(lane.deliveries)
                room -= 1

    def _put_away(self, subject: str, lane: Lane, now: float) -> bool:
        if self._shelved is None or lane.due is None or not all(each.is_storable for each in lane.deliveries):
            return False
        del self._lanes[subject]
        self._shelved.add(subject)
        self._leaving.opened[subject] = (lane.deliveries[0].attempts, max(0.0, lane.due - now))
        self._leaving.deliveries.extend(lane.deliveries)
        return True

    def _turn(self, subject: str, lane: Lane) -> Turn:
        return partial(self._handle, subject, lane)

    def _handle(self, subject: str, lane: Lane, call: Call) -> None:
        if lane.due is not None:
            with self._lock:
                # From here on it can't be put away.
                lane.due = None
        if self._lanes.get(subject) is not lane:
            return  # It was put away, or forgotten.
        delivery = lane.deliveries[0]
        delivery.attempts += 1
        answer = self.judged(delivery, call(delivery))
        if self._finish(subject, lane, answer):
            self.settle(delivery, answer)

    def _finish(self, subject: str, lane: Lane, answer: Answer) -> bool:
        """Let the subject go on; tell whether the delivery is to be settled."""
        with self._lock:
            if self._lanes.get(subject) is not lane:
                return False
            if answer.verdict is Verdict.RETRY:
                self._try_again(subject, lane)
                return False
            lane.deliveries.popleft()
            if lane.deliveries:
                self.workers.soon(self._turn(subject, lane))
            else:
                del self._lanes[subject]
            return True

    def _try_again(self, subject: str, lane: Lane) -> None:
        now, delivery = time.monotonic(), lane.deliveries[0]
        delivery.failed_first = delivery.failed_first or now
        lane.due = now + self.pause(delivery.attempts)
        self.workers.again(self._turn(subject, lane), lane.due)
        if self.depth > self.window // 2:
            self.ring()
