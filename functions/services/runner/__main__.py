"""`python -m functions.services.runner`: sees runs through, from their turn to their end.

Any number may run. It starts without Postgres, Redis and agent hosts, and waits for them.
"""

import asyncio
import logging
import signal
from typing import Final

from core import logs, monitoring
from core.configuration import secret
from core.monitoring import Monitored
from functions.domain.instances import contexts
from functions.services.runner.bell import Bell
from functions.services.runner.metrics import FAMILIES, Watched
from functions.services.runner.runner import Runner
from functions.services.runner.settings import Settings

log = logging.getLogger(__name__)

NAME: Final = "runner"


def main() -> None:
    """Work until told to stop."""
    logs.configure(NAME)
    contexts.keys()
    secret("shared-psql-runner")
    asyncio.run(_run(Runner(Settings.read())))
    logging.shutdown()


async def _run(runner: Runner) -> None:
    watched = Watched(runner)
    monitoring.serve(Monitored(FAMILIES, watched.samples, readiness_problem=watched.readiness_problem))
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    runner.start()
    Bell(runner.ring, runner.ring_keeper).start()
    await told_to_stop.wait()
    # What it works on may be cancelled until its end.
    await asyncio.to_thread(runner.stop)
    log.info("stopped")


if __name__ == "__main__":
    main()
