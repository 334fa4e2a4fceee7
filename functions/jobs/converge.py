"""instance.converge: bring what an instance is to what is wanted of it, in three acts that are repeated.

Claim: take or renew the turn. Do: have the driver do one step, with no transaction open. Record: write down what came
of it, guarded. A worker may die between any two of these; whoever comes next looks at what there is, and goes on.
"""

import logging
import threading
from functools import cache
from time import monotonic
from typing import Final
from uuid import uuid4

from core.configuration import setting
from core.failpoints import reach
from functions.domain.instances import deployments, turns
from functions.domain.instances.changes import Change
from functions.domain.instances.plan import Action, Step, next_step
from functions.domain.instances.reasons import Reason, why
from functions.domain.instances.turns import Turn, TurnLostError
from functions.drivers import registry
from functions.drivers.base import CannotDeployError, Driver, OutdatedTurnError
from functions.runtime.databases import shared_transaction
from shared_psql_models.statuses import Status

log = logging.getLogger(__name__)

ROLE: Final = "worker"

PATIENCE: Final = 20
"""Seconds that one job works on an instance; what is left then, the sweep hands to another. So no agent that takes
its time holds up a worker, and a job is always shorter than Redis' visibility time-out."""

SHORT_REST: Final = 2
"""Seconds up to which a job waits itself for what is due."""

AT_ONCE: Final = 0.0
"""The pause after a change: what it asks for can be done now."""

POLL: Final = 0.2
"""Seconds between looks at something that is on its way."""

TROUBLE: Final = 5
"""Seconds until a step is tried again that the driver couldn't do."""

leaving = threading.Event()
"""Set when the worker is to end: jobs give back their turns."""


@cache
def driver() -> Driver:
    """Return the driver of this worker, which `DRIVER` names."""
    return registry.from_settings()


def lease() -> float:
    """Return how long a turn lasts when its worker dies: `INSTANCE_LEASE_SECONDS`, default 15."""
    return float(setting("INSTANCE_LEASE_SECONDS", "15"))


def converge(instance_id: str) -> int:
    """Work on an instance until it is as it is wanted, or somebody else has the turn, or patience ends.

    Return how many changes of its status were recorded. Raises Unavailable.
    """
    nonce = uuid4().hex
    until = monotonic() + PATIENCE
    steps = 0
    while (turn := _claim(instance_id, nonce)) is not None:
        try:
            pause = _advance(turn, hurry=leaving.is_set() or monotonic() > until)
        except TurnLostError:
            # The wish has changed, or another took over: claiming tells which.
            continue
        except OutdatedTurnError:
            break
        if pause is None:
            break
        steps += pause == AT_ONCE
        leaving.wait(pause)
    return steps


def _claim(instance_id: str, nonce: str) -> Turn | None:
    with shared_transaction(ROLE) as db:
        turn = turns.take(db, instance_id, nonce, lease())
    reach("converge.claimed")
    return turn


def _advance(turn: Turn, *, hurry: bool) -> float | None:
    """Do one step. Return how long to pause before the next one; None when the turn was given back."""
    step = next_step(turn, driver().observe(turn.instance_id))
    try:
        change = _do(turn, step)
    except (OSError, TimeoutError):
        log.exception("the driver failed", extra={"instance_id": turn.instance_id, "action": step.action})
        return _after_trouble(turn, step)
    reach("converge.done")
    reach(f"converge.done.{step.action}")
    pause = _record(turn, step, change, hurry=hurry)
    reach("converge.recorded")
    return pause


def _do(turn: Turn, step: Step) -> Change | None:
    """Have the driver act. Return what to record, which is a failure if it can't."""
    match step.action:
        case Action.DEPLOY:
            with shared_transaction(ROLE) as db:
                deployment = deployments.read(db, turn.instance_id, turn.number)
            try:
                driver().deploy(deployment)
            except CannotDeployError as error:
                return Change.failed(why(error.reason), attempts=turn.attempts)
        case Action.STOP:
            driver().stop(turn.instance_id, turn.number)
        case Action.REMOVE:
            driver().remove(turn.instance_id, turn.number)
        case Action.NOTHING:
            pass
    return step.change


def _record(turn: Turn, step: Step, change: Change | None, *, hurry: bool) -> float | None:
    with shared_transaction(ROLE) as db:
        if change is not None:
            turns.record(db, turn, change)
            log.info("%s → %s: %s", turn.status, change.status, change.why.reason, extra={"subject": turn.instance_id})
            return AT_ONCE
        if step.deadline_in is not None:
            turns.mark(db, turn, deadline_in=step.deadline_in or None)
        rest = step.look_again_in
        if rest is not None and (hurry or rest > SHORT_REST or turn.status != Status.PENDING):
            turns.give_back(db, turn, due_in=rest, attempts=step.attempts)
            return None
        if hurry:
            turns.give_back(db, turn, due_in=0)
            return None
    return POLL if rest is None else min(rest, 2 * POLL)


def _after_trouble(turn: Turn, step: Step) -> float | None:
    """Count a start that failed; whatever else the driver couldn't do is tried again for ever."""
    with shared_transaction(ROLE) as db:
        if step.action == Action.DEPLOY:
            turns.record(db, turn, Change.retry(Reason.DRIVER_FAILED, attempts=turn.attempts))
            return AT_ONCE
        turns.give_back(db, turn, due_in=TROUBLE)
        return None
