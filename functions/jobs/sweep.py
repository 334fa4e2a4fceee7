"""The sweep: every ten seconds, hand to the workers what is due and what was lost on the way.

It runs as a thread of every worker. Several at once are harmless: each row is offered by one of them.
"""

import logging
import threading
from typing import Final

from core import context
from core.configuration import setting
from core.jitter import jittered
from functions.domain.api_errors import Unavailable
from functions.domain.instances import due
from functions.jobs import queue
from functions.jobs.converge import ROLE
from functions.runtime.databases import shared_transaction

log = logging.getLogger(__name__)

BATCH: Final = 100


def interval() -> float:
    """Return the seconds from one sweep to the next: `INSTANCE_SWEEP_SECONDS`, default 10."""
    return float(setting("INSTANCE_SWEEP_SECONDS", "10"))


def sweep() -> int:
    """Offer what is due, and return how many instances that were. Raises Unavailable."""
    offered = 0
    while batch := _offer():
        for instance_id in batch:
            # What follows is nobody's request: each instance gets a trace of its own.
            with context.entered(context.Context.start()):
                queue.converge(instance_id)
        offered += len(batch)
    return offered


def _offer() -> list[str]:
    # Noted as offered before it is sent: if that fails, the note makes the next try wait, and loses nothing.
    with shared_transaction(ROLE) as db:
        return due.offer(db, BATCH)


def run(leaving: threading.Event) -> None:
    """Sweep until `leaving` is set, whatever is down."""
    # A worker that comes back has something to catch up on: it needn't wait as long for its first sweep.
    pause = interval() / 10
    while not leaving.wait(pause):
        # Workers that start together don't go on sweeping together.
        pause = jittered(interval(), 0.8, 1.0)
        try:
            found = sweep()
        except Unavailable as error:
            log.warning("the sweep will try again: %s", error.__cause__ or error)
        except Exception:
            log.exception("bug in the sweep")
        else:
            log.debug("offered %d instances that were due", found)
