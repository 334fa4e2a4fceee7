"""instance.converge: bring what an instance is to what is wanted of it, in three steps that are repeated.

Claim: acquire or renew the lease. Do: have an agent host do one step, with no transaction open. Record: write down what
came of it, guarded. A worker may die between any two of these; whoever comes next plans anew, and goes on.
"""

import logging
import threading
from time import monotonic
from typing import Final
from uuid import uuid4

from core.configuration import setting
from core.failpoints import reach
from functions.domain.instances import leases, told
from functions.domain.instances.changes import Change
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.deadlines import GRACE, INSTALL, START
from functions.domain.instances.leases import Lease, LeaseLost
from functions.domain.instances.plan import Action, Outcome, Result, after, next_step
from functions.jobs import versions
from functions.runtime import agent_host_client
from functions.runtime.agent_host_client import StaleContext
from functions.runtime.databases import shared_transaction
from shared_psql_models.statuses import Status

log = logging.getLogger(__name__)

ROLE: Final = "worker"

TIMEOUT: Final = 20
"""Seconds after which a job begins nothing that may take long: so every job is shorter than Redis' visibility time-out.
What is left then, the sweep hands to another."""

AT_ONCE: Final = 0.0
"""The pause after a change: what it asks for can be done now."""

SHORT_REST: Final = 2
"""Seconds up to which a job waits itself for what is due."""

SECONDS: Final = {Action.PREPARE: INSTALL, Action.VERIFY: START, Action.END: GRACE}
"""How long the host may take for each action."""

leaving = threading.Event()
"""Set when the worker is to end: jobs release their leases."""


def lease_seconds() -> float:
    """Return how long a lease lasts when its worker dies: `INSTANCE_LEASE_SECONDS`, default 15."""
    return float(setting("INSTANCE_LEASE_SECONDS", "15"))


def converge(instance_id: str) -> int:
    """Work on an instance until it is as it is wanted, or has to wait, or somebody else has the lease.

    Return how many changes of its status were recorded. Raises Unavailable.
    """
    lease_owner = uuid4().hex
    until = monotonic() + TIMEOUT
    steps = 0
    while (lease := _claim(instance_id, lease_owner)) is not None:
        try:
            pause = _advance(lease, hurry=leaving.is_set() or monotonic() > until)
        except (LeaseLost, StaleContext):
            # The desired state has changed, or another took over: claiming tells which.
            continue
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
    step = next_step(lease)
    if step.action != Action.NOTHING:
        if hurry:
            _release(lease, due_in=0)
            return None
        outcome = _act(lease, step.action)
        reach("converge.done")
        reach(f"converge.done.{step.action}")
        step = after(lease, step.action, outcome)
    if step.change is not None:
        _record(lease, step.change)
        reach("converge.recorded")
        return AT_ONCE
    rest = step.look_again_in or 0
    if hurry or rest > SHORT_REST or lease.status != Status.PENDING:
        _release(lease, due_in=rest, attempts=step.attempts)
        return None
    return rest


def _act(lease: Lease, action: Action) -> Outcome:
    """Do an action. The code of what an instance becomes is put in place before that is tried, in a time of its own."""
    if lease.status == Status.UPDATING and action == Action.VERIFY:
        prepared = _do(lease, Action.PREPARE)
        if prepared.result != Result.DONE:
            return prepared
    return _do(lease, action)


def _do(lease: Lease, action: Action) -> Outcome:
    """Have a host act, and keep the lease as long as it takes. Raises LeaseLost when somebody wants something else."""
    try:
        with shared_transaction(ROLE) as db:
            context = told.wanted(db, lease.id, with_secrets=action == Action.VERIFY)
    except SecretsUnavailable:
        log.exception("its agent can't be told its secrets", extra={"subject": lease.id})
        return Outcome(Result.UNREADABLE)
    renew_at = monotonic() + lease_seconds() / 4

    def keep() -> None:
        nonlocal renew_at
        if monotonic() > renew_at:
            renew_at = monotonic() + lease_seconds() / 4
            _renew(lease)

    if context.digest is None and action != Action.END:
        return versions.act(context.version_id, SECONDS[action], keep)
    return agent_host_client.do(action, context.model_copy(update={"seconds": SECONDS[action]}), keep)


def _renew(lease: Lease) -> None:
    with shared_transaction(ROLE) as db:
        now = leases.acquire(db, lease.id, lease.lease_owner, lease_seconds())
    if now is None or now.row_version != lease.row_version or leaving.is_set():
        raise LeaseLost(lease.id)


def _record(lease: Lease, change: Change) -> None:
    with shared_transaction(ROLE) as db:
        leases.record(db, lease, change)
    words = (lease.status, change.status, change.explanation.reason)
    log.info("%s → %s: %s", *words, extra={"subject": lease.id})


def _release(lease: Lease, *, due_in: float, attempts: int | None = None) -> None:
    with shared_transaction(ROLE) as db:
        leases.release(db, lease, due_in=due_in, attempts=attempts)
