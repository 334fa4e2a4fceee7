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
from typing import Any, Final

from core import failpoints, logs
from core.configuration import MissingSettingError, setting
from core.watching import Watched, serve
from events import signing, subscriptions
from events.broker.bus import NOTIFY_QUEUE
from events.dispatcher.caller import Caller, NotAnAddressError, address_of
from events.dispatcher.clock import Clock, schedules_of
from events.dispatcher.consumer import Consumer, Tap
from events.dispatcher.dead_letters import DeadLetters
from events.dispatcher.delivery import Answer, Delivery, Verdict, received
from events.dispatcher.exposition import FAMILIES, SLOTS, Exposed
from events.dispatcher.figures import Counted
from events.dispatcher.lanes import Lanes
from events.dispatcher.notifier import Notifier
from events.dispatcher.readiness import Readiness
from events.dispatcher.shelf import Shelf
from events.schedules import NotAScheduleError
from events.subscriptions import Subscription

log = logging.getLogger(__name__)

DRAIN: Final = 3.0
"""Seconds that calls under way may take after SIGTERM: with the two below it is over within five."""

SWITCH: Final = 0.001
"""Seconds that a thread may keep the interpreter while others want it. Of Python's own five milliseconds the thread
that decodes what comes in would take each, while an answer waits to be read."""

SAVING: Final = 0.5
"""Seconds to write down what became of the events of the shelf, at least."""

CLOSING: Final = 1.0
"""Seconds to acknowledge, and to close the connection."""


class Dispatcher:
    """Lanes for every subscription, and the consumer that feeds them."""

    def __init__(self, wanted: list[Subscription], url: str) -> None:
        """`url` is where functions are, with `{name}` in it."""
        self.url = url
        self.keys = signing.Keys()
        self.clock = Clock(schedules_of(wanted), threading.Event())
        self.calls: dict[str, list[Counted]] = {}
        self.shelf = Shelf()
        self.lanes = [self._lanes(subscription) for subscription in wanted]
        self.readiness = {each.queue: Readiness(self._caller(each)) for each in wanted}
        self.shelf.lanes = {lanes.subscription.queue: lanes for lanes in self.lanes}
        self.shelf.kept = self._settle_handled
        self.shelf.given_up = _log_death
        self.dead_letters = DeadLetters()
        self.notifier = Notifier(self.dead_letters)
        graves = [self.dead_letters.tap(queue) for queue in (NOTIFY_QUEUE, *(each.queue for each in wanted))]
        self.consumer = Consumer([*map(self._tap, self.lanes), *graves, self.notifier.tap()])
        self.notifier.consumer = self.dead_letters.consumer = self.consumer
        parts = (self.consumer, self.shelf, self.dead_letters, self.notifier, self.clock, self.lanes)
        self.exposed = Exposed(*parts, self.calls, self.readiness)

    def _caller(self, subscription: Subscription) -> Caller:
        url = address_of(self.url, subscription.function)
        return Caller(url, subscription.function, self.keys, subscription.timeout_seconds)

    def _lanes(self, subscription: Subscription) -> Lanes:
        def settle(delivery: Delivery, answer: Answer) -> None:
            failpoints.reach("dispatcher.settle")
            handled = answer.verdict is Verdict.HANDLED
            if not handled:
                self.dead_letters.remember(subscription.queue, delivery, answer)
                _log_death(subscription.queue, delivery, answer)
            self.consumer.settle(subscription.queue, delivery.tag, delivery.connection, handled=handled)

        calls = self.calls[subscription.function] = []

        def make_call() -> Counted:
            counted = Counted(self._caller(subscription))
            calls.append(counted)
            return counted

        return Lanes(subscription, make_call, settle, self.shelf.ring)

    def _settle_handled(self, queue: str, delivery: Delivery) -> None:
        self.consumer.settle(queue, delivery.tag, delivery.connection, handled=True)

    def _tap(self, lanes: Lanes) -> Tap:
        def deliver(tag: int, connection: int, body: bytes, _properties: Any) -> None:  # noqa: ANN401 - pika's
            lanes.accept(received(tag, connection, body))

        subscription = lanes.subscription
        readiness = self.readiness[subscription.queue]
        return Tap(subscription.queue, lanes.window, deliver, lanes.forget, ready=lambda: readiness.reached)

    def run(self, stopped: threading.Event) -> None:
        """Dispatch until `stopped` is set, then finish the calls under way."""
        self.keys.current()
        serve(self.exposed.watched())
        for readiness in self.readiness.values():
            readiness.start()
        for lanes in self.lanes:
            lanes.workers.start()
        if self.lanes:
            self.shelf.start()
        self.dead_letters.start()
        self.notifier.start()
        self.consumer.start()
        self.clock.start()
        stopped.wait()
        self.clock.stopped.set()
        deadline = time.monotonic() + DRAIN
        for lanes in self.lanes:
            lanes.workers.begin_nothing()
        for lanes in self.lanes:
            lanes.workers.join(deadline)
        if self.lanes:
            self.shelf.stop(max(SAVING, deadline - time.monotonic()))
        self.consumer.stop(CLOSING)
        log.info("stopped")


def _log_death(queue: str, delivery: Delivery, answer: Answer) -> None:
    log.error(
        "%s goes to the dead letters of %s after %s attempts: %s, %s",
        delivery.event_id,
        queue,
        delivery.attempts,
        answer.reason,
        answer.detail,
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
        serve(Watched(FAMILIES, lambda: [(SLOTS, {}, clock.fired)]))
        clock.run()
    else:
        Dispatcher(wanted, setting("FUNCTIONS_URL")).run(stopped)


if __name__ == "__main__":
    main()
