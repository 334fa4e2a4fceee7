"""`python -m events.dispatcher`: bring events from RabbitMQ to the functions that subscribe to them, over HTTP.

Any number may run: every queue has one active consumer, and another takes over when it is gone. It starts without its
broker or the functions, waits for them, and goes on when they are back: from the queue of a function that was never
there it takes nothing. With `--cron-only` it does nothing but emit the events of schedules.
"""

import argparse
import logging
import signal
import sys
import threading
import time
from typing import Final

from core import failpoints, logs
from core.configuration import MissingSettingError, setting
from core.monitoring import Monitored, serve
from events import signing, subscriptions
from events.broker.bus import NOTIFY_QUEUE
from events.broker.connection import Properties
from events.dispatcher.caller import Caller, NotAnAddressError, address_of
from events.dispatcher.clock import Clock, schedules_of
from events.dispatcher.consumer import ConsumedQueue, Consumer
from events.dispatcher.dead_letters import DeadLetters
from events.dispatcher.delivery import CallResult, Delivery, Verdict, received
from events.dispatcher.exposition import FAMILIES, SLOTS, Exposed
from events.dispatcher.key_queues import KeyQueues
from events.dispatcher.metrics import Counted
from events.dispatcher.notifier import Notifier
from events.dispatcher.readiness import Readiness
from events.dispatcher.retry_store import RetryStore
from events.schedules import NotAScheduleError
from events.subscriptions import Subscription

log = logging.getLogger(__name__)

DRAIN: Final = 3.0
"""Seconds that calls under way may take after SIGTERM: with the two below it is over within five."""

SWITCH: Final = 0.001
"""Seconds that a thread may keep the interpreter while others want it. Of Python's own five milliseconds the thread
that decodes what comes in would take each, while an answer waits to be read."""

SAVING: Final = 0.5
"""Seconds to write down what became of the events of the retry store, at least."""

CLOSING: Final = 1.0
"""Seconds to acknowledge, and to close the connection."""


class Dispatcher:
    """Per-key queues for every subscription, and the consumer that feeds them."""

    def __init__(self, wanted: list[Subscription], url: str) -> None:
        """`url` is where functions are, with `{name}` in it."""
        self.url = url
        self.keys = signing.Keys()
        self.clock = Clock(schedules_of(wanted), threading.Event())
        self.calls: dict[str, list[Counted]] = {}
        self.retry_store = RetryStore()
        self.key_queues = [self._key_queues(subscription) for subscription in wanted]
        self.readiness = {each.queue: Readiness(self._caller(each)) for each in wanted}
        self.retry_store.key_queues = {key_queues.subscription.queue: key_queues for key_queues in self.key_queues}
        self.retry_store.kept = self._settle_handled
        self.retry_store.given_up = _log_death
        self.dead_letters = DeadLetters()
        self.notifier = Notifier(self.dead_letters)
        dead_letter_queues = [
            self.dead_letters.consumed_queue(queue) for queue in (NOTIFY_QUEUE, *(each.queue for each in wanted))
        ]
        self.consumer = Consumer(
            [*map(self._consumed_queue, self.key_queues), *dead_letter_queues, self.notifier.consumed_queue()]
        )
        self.notifier.consumer = self.dead_letters.consumer = self.consumer
        parts = (self.consumer, self.retry_store, self.dead_letters, self.notifier, self.clock, self.key_queues)
        self.exposed = Exposed(*parts, self.calls, self.readiness)

    def _caller(self, subscription: Subscription) -> Caller:
        url = address_of(self.url, subscription.function)
        return Caller(url, subscription.function, self.keys, subscription.timeout_seconds)

    def _key_queues(self, subscription: Subscription) -> KeyQueues:
        def settle(delivery: Delivery, result: CallResult) -> None:
            failpoints.reach("dispatcher.settle")
            handled = result.verdict is Verdict.HANDLED
            if not handled:
                self.dead_letters.remember(subscription.queue, delivery, result)
                _log_death(subscription.queue, delivery, result)
            self.consumer.settle(subscription.queue, delivery.tag, delivery.connection, handled=handled)

        calls = self.calls[subscription.function] = []

        def make_call() -> Counted:
            counted = Counted(self._caller(subscription))
            calls.append(counted)
            return counted

        return KeyQueues(subscription, make_call, settle, self.retry_store.wake)

    def _settle_handled(self, queue: str, delivery: Delivery) -> None:
        self.consumer.settle(queue, delivery.tag, delivery.connection, handled=True)

    def _consumed_queue(self, key_queues: KeyQueues) -> ConsumedQueue:
        def deliver(tag: int, connection: int, body: bytes, _properties: Properties | None) -> None:
            key_queues.accept(received(tag, connection, body))

        subscription = key_queues.subscription
        readiness = self.readiness[subscription.queue]
        return ConsumedQueue(
            subscription.queue, key_queues.window, deliver, key_queues.forget, ready=lambda: readiness.reached
        )

    def run(self, stopped: threading.Event) -> None:
        """Dispatch until `stopped` is set, then finish the calls under way."""
        self.keys.current()
        serve(self.exposed.monitored())
        for readiness in self.readiness.values():
            readiness.start()
        for key_queues in self.key_queues:
            key_queues.workers.start()
        if self.key_queues:
            self.retry_store.start()
        self.dead_letters.start()
        self.notifier.start()
        self.consumer.start()
        self.clock.start()
        stopped.wait()
        self.clock.stopped.set()
        deadline = time.monotonic() + DRAIN
        for key_queues in self.key_queues:
            key_queues.workers.begin_nothing()
        for key_queues in self.key_queues:
            key_queues.workers.join(deadline)
        if self.key_queues:
            self.retry_store.stop(max(SAVING, deadline - time.monotonic()))
        self.consumer.stop(CLOSING)
        log.info("stopped")


def _log_death(queue: str, delivery: Delivery, result: CallResult) -> None:
    log.error(
        "%s goes to the dead letters of %s after %s attempts: %s, %s",
        delivery.event_id,
        queue,
        delivery.attempts,
        result.reason,
        result.detail,
    )


def main() -> None:
    """Dispatch until told to stop."""
    parser = argparse.ArgumentParser(prog="dispatcher", description=__doc__)
    parser.add_argument("--cron-only", action="store_true", help="emit the events of schedules, and deliver nothing")
    cron_only = parser.parse_args().cron_only
    logs.configure("dispatcher", terse=True)
    sys.setswitchinterval(SWITCH)
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        run(stopped, cron_only=cron_only)
    except (NotAnAddressError, NotAScheduleError, MissingSettingError, signing.NotKeysError) as error:
        sys.exit(str(error))


def run(stopped: threading.Event, *, cron_only: bool) -> None:
    """Dispatch, or only look at the clock, until `stopped`."""
    wanted = subscriptions.read()
    if cron_only:
        clock = Clock(schedules_of(wanted), stopped)
        serve(Monitored(FAMILIES, lambda: [(SLOTS, {}, clock.fired)]))
        clock.run()
    else:
        Dispatcher(wanted, setting("FUNCTIONS_URL")).run(stopped)


if __name__ == "__main__":
    main()
