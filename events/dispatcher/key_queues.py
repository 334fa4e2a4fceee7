"""Per-key queues: deliveries of one subject one after another, different subjects in parallel, retries that wait.

A subject whose event has to be tried again holds up itself and nobody else: what would fill the window of deliveries
that RabbitMQ lets wait here is put in the retry store.

Where a subscription takes batches, the first events of a batch wait a moment for more. What a function doesn't handle
together it is called with one by one: then each has a result of its own.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from core.jitter import jittered
from events.dispatcher.delivery import CallResult, Delivery, Verdict, together
from events.dispatcher.workers import Call, Task, Workers
from events.subscriptions import Subscription
from events.wire import MAX_EVENT_BYTES

MAX_BATCH_BYTES: Final = MAX_EVENT_BYTES - 1024
"""Bytes of the events of a batch: a function takes a body no larger than that of the largest event."""

PREFETCH: Final = 64
"""Deliveries held for each subject that is worked on at a time."""

LONG: Final = 60.0
"""Seconds after which a subject that fails goes to the retry store in any case: RabbitMQ wants an end of every
delivery.
"""


@dataclass
class Deferral:
    """Deliveries to defer to the retry store, in order."""

    generation: int = 0
    opened: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Subjects of which nothing is there yet: attempts of the first event, and seconds until the next."""
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(eq=False)
class KeyQueue:
    """The deliveries of one subject, the first of which is being worked on or waits."""

    deliveries: deque[Delivery]
    due: float | None = None
    """When the first is tried again, by the monotonic clock; None if it didn't fail, or is being worked on."""


class KeyQueues:
    """The deliveries of one subscription that are waiting, being worked on, or being tried again."""

    def __init__(
        self,
        subscription: Subscription,
        make_call: Callable[[], Call],
        settle: Callable[[Delivery, CallResult], None],
        wake: Callable[[], None],
    ) -> None:
        """`make_call` is called once on each worker's thread; `settle` gets every delivery that is handled or dead.

        `wake` wakes the retry store.
        """
        self.subscription = subscription
        self.settle = settle
        self.wake = wake
        self.window = subscription.concurrency * PREFETCH
        self.retries = 0
        self.handled_last = 0.0
        self._lock = threading.RLock()
        changed = threading.Condition(self._lock)
        self.workers = Workers(subscription.concurrency, subscription.function, make_call, changed)
        self._key_queues: dict[str, KeyQueue] = {}
        self._ready: deque[tuple[str, KeyQueue]] = deque()
        self._generation = 0
        self._connection = 0
        self._deferred: set[str] | None = None
        self._arrived: list[Delivery] = []
        self._deferral = Deferral()

    def accept(self, delivery: Delivery) -> None:
        """Append a delivery to its subject's queue; before `set_deferred` was called it only waits."""
        with self._lock:
            if delivery.connection != self._connection:
                # Another may have been the consumer meanwhile: only the retry store knows which subjects wait there
                # now.
                self._connection = delivery.connection
                self._deferred = None
            if self._deferred is None:
                self._arrived.append(delivery)
                self.wake()
            else:
                self._admit(delivery)

    def forget(self) -> None:
        """Drop all deliveries: their connection is gone, and the broker will deliver them again."""
        with self._lock:
            self._generation += 1
            self._connection = 0
            self._deferred = None
            self._deferral = Deferral(self._generation)
            self._key_queues.clear()
            self._ready.clear()
            self._arrived.clear()

    @property
    def depth(self) -> int:
        """The number of deliveries held."""
        with self._lock:
            return sum(len(key_queue.deliveries) for key_queue in self._key_queues.values())

    @property
    def waiting_connection(self) -> int | None:
        """The connection whose deliveries wait for `set_deferred`, if there are any."""
        with self._lock:
            return self._connection if self._arrived else None

    def set_deferred(self, connection: int, deferred: set[str]) -> None:
        """Set which subjects have deferred events, and admit what has arrived over `connection`."""
        with self._lock:
            if connection == self._connection:
                self._deferred = deferred
                arrived, self._arrived = self._arrived, []
                for delivery in arrived:
                    self._admit(delivery)

    def take_deferral(self, room: int) -> Deferral | None:
        """Return the deliveries to defer now, of `room` more subjects at most; None if there are none."""
        with self._lock:
            self._choose(room)
            if not self._deferral.deliveries:
                return None
            deferral, self._deferral = self._deferral, Deferral(self._generation)
            return deferral

    def is_current(self, deferral: Deferral) -> bool:
        """Return whether the deliveries belong to the present connection; if not, RabbitMQ delivers them again."""
        with self._lock:
            return deferral.generation == self._generation

    def readmit(self, deferral: Deferral, subjects: set[str]) -> None:
        """Admit again the deliveries of `subjects`, which have no deferred events any more."""
        with self._lock:
            if deferral.generation == self._generation and self._deferred is not None:
                self._deferred -= subjects
                behind = [each for each in self._deferral.deliveries if each.subject in subjects]
                self._deferral.deliveries = [each for each in self._deferral.deliveries if each.subject not in subjects]
                for delivery in [*(each for each in deferral.deliveries if each.subject in subjects), *behind]:
                    self._admit(delivery)

    def pause(self, attempts: int) -> float:
        """Return the seconds to wait after so many calls."""
        longest = self.subscription.max_backoff_seconds
        pause = min(longest, self.subscription.backoff_seconds * 2.0 ** min(attempts - 1, 50))
        return jittered(pause, 0.5, 1.5)

    def judged(self, delivery: Delivery, result: CallResult) -> CallResult:
        """Return the result of a call, DEAD instead of RETRY after the last attempt."""
        if result.verdict is Verdict.RETRY:
            self.retries += 1
            if delivery.attempts >= self.subscription.attempts:
                return CallResult(Verdict.DEAD, result.reason, result.detail)
        elif result.verdict is Verdict.HANDLED:
            self.handled_last = time.monotonic()
        return result

    def _admit(self, delivery: Delivery) -> None:
        subject = delivery.subject
        key_queue = self._key_queues.get(subject)
        if self._deferred and subject in self._deferred:
            self._deferral.deliveries.append(delivery)
            self.wake()
        elif key_queue is None:
            key_queue = self._key_queues[subject] = KeyQueue(deque([delivery]))
            self._begin(subject, key_queue)
        else:
            key_queue.deliveries.append(delivery)

    def _choose(self, room: int) -> None:
        """Choose subjects for the retry store, those with most events first, until half of the window is free."""
        depth, now = self.depth, time.monotonic()
        failing = [(subject, key_queue) for subject, key_queue in self._key_queues.items() if key_queue.due is not None]
        for subject, key_queue in sorted(failing, key=lambda each: -len(each[1].deliveries)):
            failed_first = key_queue.deliveries[0].failed_first
            # Unless others are handled meanwhile the function may be down, and moving everything would help nobody.
            may = room > 0 or self.handled_last > failed_first
            if may and (depth > self.window // 2 or now - failed_first > LONG) and self._defer(subject, key_queue, now):
                depth -= len(key_queue.deliveries)
                room -= 1

    def _defer(self, subject: str, key_queue: KeyQueue, now: float) -> bool:
        if (
            self._deferred is None
            or key_queue.due is None
            or not all(each.is_storable for each in key_queue.deliveries)
        ):
            return False
        del self._key_queues[subject]
        self._deferred.add(subject)
        self._deferral.opened[subject] = (key_queue.deliveries[0].attempts, max(0.0, key_queue.due - now))
        self._deferral.deliveries.extend(key_queue.deliveries)
        return True

    def _begin(self, subject: str, key_queue: KeyQueue) -> None:
        """Have a subject worked on that nobody works on."""
        if self.subscription.batch == 1:
            self.workers.soon(self._task(subject, key_queue))
            return
        self._ready.append((subject, key_queue))
        if len(self._ready) == 1:
            self.workers.soon(self._handle_ready, time.monotonic() + self.subscription.linger_seconds)
        elif len(self._ready) == self.subscription.batch:
            self.workers.soon(self._handle_ready)

    def _handle_ready(self, call: Call) -> None:
        with self._lock:
            parts = self._take_ready()
        if sum(len(deliveries) for _, _, deliveries in parts) <= 1:
            for subject, key_queue, _ in parts:
                self._handle(subject, key_queue, call)
            return
        result = call(together([each for _, _, deliveries in parts for each in deliveries]))
        with self._lock:
            parts = [(subject, kept, part) for subject, kept, part in parts if self._key_queues.get(subject) is kept]
            if result.verdict is not Verdict.HANDLED:
                for subject, key_queue, _ in parts:
                    self.workers.soon(self._task(subject, key_queue))
                return
            self.handled_last = time.monotonic()
            for subject, key_queue, deliveries in parts:
                for _ in deliveries:
                    key_queue.deliveries.popleft()
                self._go_on(subject, key_queue)
        for _, _, deliveries in parts:
            for delivery in deliveries:
                self.settle(delivery, result)

    def _take_ready(self) -> list[tuple[str, KeyQueue, list[Delivery]]]:
        """Take a batch of the subjects that are ready, with as many events of each as there is room for."""
        parts: list[tuple[str, KeyQueue, list[Delivery]]] = []
        room, bytes_left = self.subscription.batch, MAX_BATCH_BYTES
        while self._ready and room > 0:
            subject, key_queue = self._ready[0]
            deliveries: list[Delivery] = []
            for delivery in itertools.islice(key_queue.deliveries, room):
                bytes_left -= len(delivery.body) + 1
                if bytes_left < 0 or not delivery.readable:
                    break
                deliveries.append(delivery)
            if not deliveries and parts:
                break
            # One that fits no batch goes alone.
            self._ready.popleft()
            parts.append((subject, key_queue, deliveries))
            if not deliveries:
                break
            room -= len(deliveries)
        if self._ready:
            self.workers.soon(self._handle_ready)
        return parts

    def _task(self, subject: str, key_queue: KeyQueue) -> Task:
        return partial(self._handle, subject, key_queue)

    def _handle(self, subject: str, key_queue: KeyQueue, call: Call) -> None:
        if key_queue.due is not None:
            with self._lock:
                # From here on it can't be put away.
                key_queue.due = None
        if self._key_queues.get(subject) is not key_queue:
            return  # It was put away, or forgotten.
        delivery = key_queue.deliveries[0]
        delivery.attempts += 1
        result = self.judged(delivery, call(delivery))
        if self._finish(subject, key_queue, result):
            self.settle(delivery, result)

    def _finish(self, subject: str, key_queue: KeyQueue, result: CallResult) -> bool:
        """Release the key after an attempt. Return True if the message can be acknowledged."""
        with self._lock:
            if self._key_queues.get(subject) is not key_queue:
                return False
            if result.verdict is Verdict.RETRY:
                self._try_again(subject, key_queue)
                return False
            key_queue.deliveries.popleft()
            self._go_on(subject, key_queue)
            return True

    def _go_on(self, subject: str, key_queue: KeyQueue) -> None:
        """Have more of a subject worked on, if there is more."""
        if key_queue.deliveries:
            self._begin(subject, key_queue)
        else:
            del self._key_queues[subject]

    def _try_again(self, subject: str, key_queue: KeyQueue) -> None:
        now, delivery = time.monotonic(), key_queue.deliveries[0]
        delivery.failed_first = delivery.failed_first or now
        key_queue.due = now + self.pause(delivery.attempts)
        self.workers.again(self._task(subject, key_queue), key_queue.due)
        if self.depth > self.window // 2:
            self.wake()
