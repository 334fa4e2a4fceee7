"""A dispatcher's metrics: calls by result, deliveries held, deferred events, and events ingested for Postgres."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from core.monitoring import Monitored, Sample
from events.dispatcher.clock import Clock
from events.dispatcher.consumer import Consumer
from events.dispatcher.dead_letters import DeadLetters
from events.dispatcher.key_queues import KeyQueues
from events.dispatcher.metrics import BUCKETS, Counted, total
from events.dispatcher.notifier import Notifier
from events.dispatcher.readiness import Readiness
from events.dispatcher.retry_store import RetryStore

STUCK: Final = 60
"""Seconds without a sign of life from the consumer after which the process is beyond help."""

SLOTS: Final = "botberi_dispatcher_slots_fired_total"

FAMILIES: Final = {
    "botberi_dispatcher_connected": "1 while it is connected to RabbitMQ.",
    "botberi_dispatcher_connects_total": "Times that it connected to RabbitMQ.",
    "botberi_dispatcher_calls_total": "Calls of functions, by verdict (handled, retry, dead) and reason.",
    "botberi_dispatcher_call_seconds": "How long calls took.",
    "botberi_dispatcher_calls_under_way": "Calls that are being made.",
    "botberi_dispatcher_function_reached": "1 once the function could be called: before, nothing leaves its queue.",
    "botberi_dispatcher_held": "Deliveries that wait for their turn, are being worked on, or are tried again later.",
    "botberi_dispatcher_retries_total": "Calls that have to be repeated.",
    "botberi_dispatcher_deferred_subjects": "Subjects that fail and wait in shared_psql, so that they hold up nobody.",
    "botberi_dispatcher_deferred_events": "Events of those subjects.",
    "botberi_dispatcher_dead_letters_total": "Dead letters that were written down.",
    SLOTS: "Slots of schedules for which it emitted the event.",
    "botberi_notifier_batches_total": "Batches of events for Postgres that were taken in.",
    "botberi_notifier_events_total": "Events in them that became a NOTIFY.",
    "botberi_notifier_duplicates_total": "Events in them that had become one before.",
}
"""Every metric with its meaning."""


@dataclass(frozen=True)
class Exposed:
    """The parts of a dispatcher that have metrics or checks."""

    consumer: Consumer
    retry_store: RetryStore
    dead_letters: DeadLetters
    notifier: Notifier
    clock: Clock
    key_queues: list[KeyQueues]
    calls: dict[str, list[Counted]] = field(default_factory=dict)
    """By function."""
    readiness: dict[str, Readiness] = field(default_factory=dict)
    """By queue."""

    def monitored(self) -> Monitored:
        """Return the dispatcher's metrics and checks for the monitoring server."""
        return Monitored(FAMILIES, self._samples, self._health_problem, self._readiness_problem)

    def _health_problem(self) -> str | None:
        for thread in (
            self.consumer,
            self.dead_letters,
            self.notifier,
            self.clock,
            *([self.retry_store] * bool(self.key_queues)),
        ):
            if not thread.is_alive():
                return f"the thread {thread.name} has ended"
        silent = time.monotonic() - self.consumer.last_beat
        return f"the consumer has not run for {silent:.0f} s" if silent > STUCK else None

    def _readiness_problem(self) -> str | None:
        if not self.consumer.connected:
            return "not connected to event_bus"
        return "not connected to shared_psql" if self.key_queues and not self.retry_store.connected else None

    def _samples(self) -> Iterator[Sample]:
        yield "botberi_dispatcher_connected", {}, self.consumer.connected
        yield "botberi_dispatcher_connects_total", {}, self.consumer.connects
        for key_queues in self.key_queues:
            yield from self._of_subscription(key_queues)
        for queue, count in self.dead_letters.written.items():
            yield (
                "botberi_dispatcher_dead_letters_total",
                {"queue": queue},
                count + self.retry_store.dead_letters[queue],
            )
        yield SLOTS, {}, self.clock.fired
        yield "botberi_notifier_batches_total", {}, self.notifier.batches
        yield "botberi_notifier_events_total", {}, self.notifier.notified
        yield "botberi_notifier_duplicates_total", {}, self.notifier.duplicates

    def _of_subscription(self, key_queues: KeyQueues) -> Iterator[Sample]:
        subscription = key_queues.subscription
        labels = {"subscription": subscription.function}
        results, buckets, seconds, busy = total(self.calls[subscription.function])
        for (verdict, reason), count in sorted(results.items()):
            yield "botberi_dispatcher_calls_total", {**labels, "verdict": verdict, "reason": reason}, count
        yield from _histogram("botberi_dispatcher_call_seconds", labels, buckets, seconds)
        yield "botberi_dispatcher_calls_under_way", labels, busy
        reached = self.readiness[subscription.queue].reached
        yield "botberi_dispatcher_function_reached", labels, reached
        yield "botberi_dispatcher_held", labels, key_queues.depth
        yield "botberi_dispatcher_retries_total", labels, key_queues.retries
        subjects, events = self.retry_store.counts.get(subscription.queue, (0, 0))
        yield "botberi_dispatcher_deferred_subjects", labels, subjects
        yield "botberi_dispatcher_deferred_events", labels, events


def _histogram(name: str, labels: dict[str, str], buckets: Iterable[int], seconds: float) -> Iterator[Sample]:
    count = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), accumulate(buckets), strict=True):
        yield f"{name}_bucket", {**labels, "le": bound}, count
    yield f"{name}_sum", labels, seconds
    yield f"{name}_count", labels, count
