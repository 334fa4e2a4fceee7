"""instance.converge: bring what an instance is to what is wanted of it, in three steps that are repeated.

Claim: acquire or renew the lease. Do: have the driver do one step, with no transaction open. Record: write down what
came of it, guarded. A worker may die between any two of these; whoever comes next looks at what there is, and goes on.
"""

import logging
import threading
from functools import cache
from time import monotonic
from typing import Final
from uuid import uuid4

from core.configuration import setting
from core.failpoints import reach
from functions.domain.catalog.bundle_store import BundleLost
from functions.domain.instances import deployments, leases
from functions.domain.instances.changes import Change
from functions.domain.instances.leases import Lease, LeaseLost
from functions.domain.instances.plan import Action, Step, next_step
from functions.domain.instances.reasons import Reason, explain
from functions.drivers.base import CannotDeployError, Driver, StaleToken
from functions.drivers.process import ProcessDriver
from functions.runtime.databases import shared_transaction
from shared_psql_models.statuses import Status

log = logging.getLogger(__name__)

ROLE: Final = "worker"

TIMEOUT: Final = 20
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
"""Set when the worker is to end: jobs release their leases."""


@cache
def driver() -> Driver:
    """Return what runs instances as processes."""
    return ProcessDriver.from_settings()


def lease_seconds() -> float:
    """Return how long a lease lasts when its worker dies: `INSTANCE_LEASE_SECONDS`, default 15."""
    return float(setting("INSTANCE_LEASE_SECONDS", "15"))


def converge(instance_id: str) -> int:
    """Work on an instance until it is as it is wanted, or somebody else has the lease, or TIMEOUT is over.

    Return how many changes of its status were recorded. Raises Unavailable.
    """
    lease_owner = uuid4().hex
    until = monotonic() + TIMEOUT
    steps = 0
    while (lease := _claim(instance_id, lease_owner)) is not None:
        try:
            pause = _advance(lease, hurry=leaving.is_set() or monotonic() > until)
        except LeaseLost:
            # The desired state has changed, or another took over: claiming tells which.
            continue
        except StaleToken:
            break
        if pause is None:
            break
        steps += pause == AT_ONCE
        leaving.wait(pause)
    return steps


def _claim(instance_id: str, lease_owner: str) -> Lease | None:
    with shared_transaction(ROLE) as db:
        lease = leases.acquire(db, instance_id, lease_owner, lease_seconds())
    reach("converge.claimed")
    return lease


def _advance(lease: Lease, *, hurry: bool) -> float | None:
    """Do one step. Return how long to pause before the next one; None when the lease was released."""
    step = next_step(lease, driver().observe(lease.id))
    try:
        change = _do(lease, step)
    except (OSError, TimeoutError):
        log.exception("the driver failed", extra={"instance_id": lease.id, "action": step.action})
        return _after_trouble(lease, step)
    reach("converge.done")
    reach(f"converge.done.{step.action}")
    pause = _record(lease, step, change, hurry=hurry)
    reach("converge.recorded")
    return pause


def _do(lease: Lease, step: Step) -> Change | None:
    """Have the driver act. Return what to record, which is a failure if it can't."""
    match step.action:
        case Action.DEPLOY:
            with shared_transaction(ROLE) as db:
                deployment = deployments.read(db, lease.id, lease.token)
            try:
                driver().deploy(deployments.with_bundle(deployment))
            except CannotDeployError as error:
                return Change.failed(explain(error.reason), attempts=lease.attempts)
            except BundleLost:
                return Change.failed(explain(Reason.BUNDLE_LOST), attempts=lease.attempts)
        case Action.STOP:
            driver().stop(lease.id, lease.token)
        case Action.REMOVE:
            driver().remove(lease.id, lease.token)
        case Action.NOTHING:
            pass
    return step.change


def _record(lease: Lease, step: Step, change: Change | None, *, hurry: bool) -> float | None:
    with shared_transaction(ROLE) as db:
        if change is not None:
            leases.record(db, lease, change)
            log.info(
                "%s → %s: %s",
                lease.status,
                change.status,
                change.explanation.reason,
                extra={"subject": lease.id},
            )
            return AT_ONCE
        if step.deadline_in is not None:
            leases.set_deadline(db, lease, deadline_in=step.deadline_in or None)
        rest = step.look_again_in
        if rest is not None and (hurry or rest > SHORT_REST or lease.status != Status.PENDING):
            leases.release(db, lease, due_in=rest, attempts=step.attempts)
            return None
        if hurry:
            leases.release(db, lease, due_in=0)
            return None
    return POLL if rest is None else min(rest, 2 * POLL)


def _after_trouble(lease: Lease, step: Step) -> float | None:
    """Count a start that failed; whatever else the driver couldn't do is tried again for ever."""
    with shared_transaction(ROLE) as db:
        if step.action == Action.DEPLOY:
            leases.record(db, lease, Change.retry(Reason.DRIVER_FAILED, attempts=lease.attempts))
            return AT_ONCE
        leases.release(db, lease, due_in=TROUBLE)
        return None
