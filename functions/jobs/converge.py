"""instance.converge: bring what an instance is to what is wanted of it, in three steps that are repeated.

Claim: acquire or renew the lease. Do: have an agent host do one step, with no transaction open. Record: write down what
came of it, guarded. A worker may die between any two of these; whoever comes next plans anew, and goes on.

Whoever has many instances stop at once asks for it in one transaction. The job of the first takes others along, as far
as they are in the same state: a group, whose first is the job's own. What the jobs of those find is done.
"""

import logging
import threading
from collections.abc import Callable
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

Group = list[Lease]
"""The lease of a job's own instance, and those on others that are stopped with it."""

TIMEOUT: Final = 20
"""Seconds after which a job begins nothing that may take long: so every job is shorter than Redis' visibility time-out.
What is left then, the sweep hands to another."""

AT_ONCE: Final = 0.0
"""The pause after a change: what it asks for can be done now."""

SHORT_REST: Final = 2
"""Seconds up to which a job waits itself for what is due."""

SECONDS: Final = {Action.PREPARE: INSTALL, Action.VERIFY: START}
"""How long the host may take for each action."""

TOGETHER: Final = 1000
"""Instances that are stopped together, at most: as many as a kill switch asks for in one transaction."""

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
    while group := _claim(instance_id, lease_owner):
        try:
            pause = _advance(group, hurry=leaving.is_set() or monotonic() > until)
        except (LeaseLost, StaleContext):
            # The desired state has changed, or another took over: claiming tells which.
            continue
        if pause is None:
            break
        steps += pause == AT_ONCE
        leaving.wait(pause)
    return steps


def _claim(instance_id: str, lease_owner: str) -> Group:
    """Return the lease on an instance, and those on others that are stopped with it; none if another has the first."""
    with shared_transaction(ROLE) as db:
        lease = leases.acquire(db, instance_id, lease_owner, lease_seconds())
        group = [] if lease is None else [lease, *leases.acquire_alike(db, lease, lease_seconds(), TOGETHER - 1)]
    reach("converge.claimed")
    return group


def _advance(group: Group, *, hurry: bool) -> float | None:
    """Do one step. Return how long to pause before the next one; None when the leases were released."""
    lease = group[0]
    step = next_step(lease)
    if step.action != Action.NOTHING:
        if hurry:
            _release(group, due_in=0)
            return None
        group, outcome = _end(group) if step.action == Action.END else (group, _act(lease, step.action))
        reach("converge.done")
        reach(f"converge.done.{step.action}")
        step = after(lease, step.action, outcome)
    if step.change is not None:
        _record(group, step.change)
        reach("converge.recorded")
        return AT_ONCE
    rest = step.look_again_in or 0
    if hurry or rest > SHORT_REST or lease.status != Status.PENDING:
        _release(group, due_in=rest, attempts=step.attempts)
        return None
    return rest


def _end(group: Group) -> tuple[Group, Outcome]:
    """Have a host end what is awake of a group, and return those of it that it has ended, and what came of it.

    Raises StaleContext when later things have happened to the first, LeaseLost when this worker is to end.
    """
    keep = _Keeper(lambda: _renew(group))
    ended = agent_host_client.end({lease.id: lease.row_version for lease in group}, GRACE, keep)
    if group[0].id in ended.stale:
        raise StaleContext(group[0].id)
    _give_up([lease for lease in group if lease.id in ended.stale])
    return [lease for lease in group if lease.id not in ended.stale], ended.outcome


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
    keep = _Keeper(lambda: _check(lease))
    if context.digest is None:
        return versions.act(context.version_id, SECONDS[action], keep)
    return agent_host_client.do(action, context.model_copy(update={"seconds": SECONDS[action]}), keep)


class _Keeper:
    """Called several times a second, renews a lease often enough."""

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew = renew
        self._due = monotonic() + lease_seconds() / 4

    def __call__(self) -> None:
        if monotonic() > self._due:
            self._due = monotonic() + lease_seconds() / 4
            self._renew()


def _check(lease: Lease) -> None:
    """Renew a lease. Raises LeaseLost when somebody wants something else, or this worker is to end."""
    with shared_transaction(ROLE) as db:
        now = leases.acquire(db, lease.id, lease.lease_owner, lease_seconds())
    if now is None or now.row_version != lease.row_version or leaving.is_set():
        raise LeaseLost(lease.id)


def _renew(group: Group) -> None:
    """Renew the leases on a group: whatever somebody wants meanwhile, ending comes first."""
    with shared_transaction(ROLE) as db:
        leases.renew(db, group, lease_seconds())
    if leaving.is_set():
        raise LeaseLost(group[0].id)


def _record(group: Group, change: Change) -> None:
    with shared_transaction(ROLE) as db:
        written = leases.record(db, group, change)
    _give_up_lost(group, written)
    words = (len(written), written[0].status, change.status, change.explanation.reason)
    log.info("%d of %s → %s: %s", *words, extra={"subject": written[0].id})


def _release(group: Group, *, due_in: float, attempts: int | None = None) -> None:
    with shared_transaction(ROLE) as db:
        released = leases.release(db, group, due_in=due_in, attempts=attempts)
    _give_up_lost(group, released)


def _give_up_lost(group: Group, written: Group) -> None:
    """Leave to others what somebody wants something else of. Raises LeaseLost when that is the first of the group."""
    ids = {lease.id for lease in written}
    first, *others = group
    if first.id not in ids:
        # Whoever is left of the group has no job here any more.
        _give_up(others)
        raise LeaseLost(first.id)
    _give_up([lease for lease in others if lease.id not in ids])


def _give_up(others: Group) -> None:
    if others:
        with shared_transaction(ROLE) as db:
            leases.give_up(db, others)
