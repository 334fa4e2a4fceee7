"""`python -m functions.services.runner`: sees runs through, from their turn to their end.

Any number may run. It starts without RabbitMQ, Postgres, Redis and agent hosts, and waits for them: events only tell it
sooner of what it finds by itself.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from core import logs, monitoring
from core.configuration import secret
from core.monitoring import Monitored
from events import wire
from events.broker.feed import Feed
from events.catalog.instances import InstanceDesiredStateChanged
from events.catalog.runs import RunCancelRequested, RunStatusChanged
from functions.domain.instances import contexts
from functions.services.runner.metrics import FAMILIES, Watched
from functions.services.runner.runner import Runner
from functions.services.runner.settings import Settings

log = logging.getLogger(__name__)

NAME: Final = "runner"


def main() -> None:
    """Work until told to stop."""
    logs.configure(NAME)
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    contexts.keys()
    for name in ("shared-psql-runner", "event-bus-runner"):
        secret(name)
    asyncio.run(_run(Runner(Settings.read())))
    logging.shutdown()


async def _run(runner: Runner) -> None:
    watched = Watched(runner)
    monitoring.serve(Monitored(FAMILIES, watched.samples, readiness_problem=watched.readiness_problem))
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    runner.start()
    types = (InstanceDesiredStateChanged.type, RunCancelRequested.type, RunStatusChanged.type)
    feed = Feed(NAME, types, lambda body: _hear(runner, body), lambda _: None)
    hearing = asyncio.create_task(feed.run(_begin(runner), lambda: None))
    await told_to_stop.wait()
    # What it works on may be cancelled until its end.
    await asyncio.to_thread(runner.stop)
    hearing.cancel()
    log.info("stopped")


def _begin(runner: Runner) -> Callable[[], Awaitable[bool]]:
    async def begin() -> bool:
        runner.ring()
        return True

    return begin


def _hear(runner: Runner, body: bytes) -> None:
    try:
        event = wire.decode(body)
    except wire.NotAnEventError as error:
        log.warning("something that is no event came from event_bus: %s", error)
        return
    if event.type == RunStatusChanged.type:
        if event.data.get("status") == "queued":
            runner.ring()
    else:
        runner.ring_keeper()


if __name__ == "__main__":
    main()
