"""The Celery application, of the worker and of Flower: `celery -A functions.jobs.app worker --pool threads`."""

import logging
import sys
import threading
from time import perf_counter
from typing import Final

from celery import Celery, Task, signals

from core import context, logs
from core.configuration import MissingSettingError
from functions.domain.api_errors import Unavailable
from functions.drivers.registry import UnknownDriverError
from functions.jobs import converge, sweep, versions
from functions.jobs.settings import CONVERGE, configuration

log = logging.getLogger(__name__)

QUESTIONS: Final = frozenset(
    {
        *("active", "active_queues", "conf", "enable_events", "heartbeat", "hello", "ping", "query_task"),
        *("registered", "reserved", "revoked", "scheduled", "stats"),
    }
)
"""What a worker may be asked over Celery's control channel, and what makes it say that it is there."""

app = Celery("botberi")
# A function: Celery calls it when it first needs a setting, so that importing this reads none.
app.add_defaults(configuration)


@app.task(name=CONVERGE, bind=True)
def instance_converge(task: Task[[str], None], instance_id: str) -> None:
    """Bring an instance to what is wanted of it."""
    with context.entered(_context_of(task)):
        started = perf_counter()
        try:
            steps = converge.converge(instance_id)
        except Unavailable as error:
            # Nothing to retry here: the sweep finds the instance as soon as its lease has run out.
            log.warning("%s is left to the sweep: %s", instance_id, error.__cause__ or error)
            return
        # Most jobs only see that a running instance still runs.
        duration = round((perf_counter() - started) * 1000, 1)
        facts = {"function": CONVERGE, "subject": instance_id, "steps": steps, "duration_ms": duration}
        log.log(logging.INFO if steps else logging.DEBUG, "%s took %d steps", CONVERGE, steps, extra=facts)


def _context_of(task: Task[..., object]) -> context.Context:
    headers = task.request.headers or {}
    return context.Context.start(
        headers.get("traceparent"),
        actor=headers.get("actor"),
        correlation_id=headers.get("correlationid"),
        causation_id=headers.get("causationid"),
    )


@signals.setup_logging.connect
def _log_as_json(loglevel: int | str = logging.INFO, **_: object) -> None:
    logs.configure("worker", logging.getLevelName(loglevel) if isinstance(loglevel, int) else loglevel)
    # A line of ours says how each job went, with its trace.
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@signals.celeryd_init.connect
def _choose_driver(**_: object) -> None:
    # Celery logs what a receiver raises and goes on, so a worker that could run nothing ends here.
    try:
        versions.driver()
    except (UnknownDriverError, MissingSettingError) as error:
        sys.exit(str(error))


@signals.celeryd_init.connect
def _take_no_orders(**_: object) -> None:
    # Whoever has Flower's password for Redis could stop a worker, or take its queues from it, and so stop everything.
    from celery.worker.control import Panel

    for name in Panel.data.keys() - QUESTIONS:
        del Panel.data[name]


@signals.worker_ready.connect
def _begin_to_sweep(**_: object) -> None:
    threading.Thread(target=sweep.run, args=(converge.leaving,), name="sweep", daemon=True).start()
    threading.Thread(target=versions.run, args=(converge.leaving,), name="sweep of versions", daemon=True).start()


@signals.worker_shutting_down.connect
def _leave(**_: object) -> None:
    converge.leaving.set()
