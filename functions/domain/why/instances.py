"""Why an instance is as it is, and what keeps it from running."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Row, text

from functions.domain import verified_accounts
from functions.domain.databases import SharedDb
from functions.domain.instances import history, reading
from functions.domain.instances.kill_switches import Scope
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.reasons import Reason
from functions.domain.why.findings import Answer, Code, Finding, Link, NothingKnown, find
from shared_psql_models.instances import Instance
from shared_psql_models.operators import KillSwitch
from shared_psql_models.statuses import TRANSIENT, DesiredState, Status

LATE: Final = timedelta(seconds=15)
"""After which what is due should have been seen by a worker: one sweep, and half of another."""

LINKS: Final = 50
"""Entries of a history that are told, at most: the newest."""

_SWITCH: Final = text(
    """
    select * from kill_switches where released_at is null and (
      scope = 'everything' or scope in ('owner', 'suspension') and target = :owner
      or scope = 'version' and target = :version) order by id limit 1
    """
)

_EXHAUSTED: Final = text(
    """
    select set_by, instance_id, period, runs, spent_runs, cost, spent_cost,
      case period when 'day' then begins + 1 else (begins + interval '1 month')::date end as renews
    from budgets
    where owner_id = :owner and exhausted and begins >= date_trunc(period, now() at time zone 'utc')::date
      and (instance_id is null or instance_id = :instance)
    order by instance_id nulls first limit 1
    """
)

_AWAITING: Final = text(
    "select id, deadline_at from runs where instance_id = :id and status = 'input_required' limit 1"
)


def explain(db: SharedDb, instance_id: str) -> Answer:
    """Return what happened to an instance, and what it waits for. Raises NothingKnown."""
    try:
        instance = reading.find(db, instance_id)
    except InstanceNotFound:
        raise NothingKnown from None
    entries = history.of_instance(db, instance_id, after=None, limit=LINKS)
    chain = [Link(each.at, each.message, each.actor, each.id) for each in reversed(entries)]
    return Answer(instance_id, "instance", finding(db, instance), chain)


def finding(db: SharedDb, instance: Instance) -> Finding:
    """Return what an instance waits for."""
    if instance.status == Status.DELETED:
        return find(Code.DELETED, cause=instance.message)
    if instance.status in TRANSIENT or instance.deadline_at is not None:
        return _on_its_way(instance)
    if instance.desired_state == DesiredState.STOPPED or instance.status == Status.FAILED:
        return held_back(db, instance) or _at_rest(instance)
    return exhausted(db, instance.owner_id, instance.id) or _asked(db, instance) or find(Code.INSTANCE_RUNNING)


def held_back(db: SharedDb, instance: Instance) -> Finding | None:
    """Return what keeps an instance from being started, or None."""
    if instance.quarantine_reason is not None:
        return find(Code.QUARANTINED, cause=instance.quarantine_reason, instance=instance.id)
    row = db.execute(_SWITCH, {"owner": instance.owner_id, "version": instance.version_id}).mappings().first()
    if row is not None:
        return switched_off(KillSwitch.of(row))
    if not verified_accounts.may_launch(db, instance.owner_id):
        return find(Code.OWNER_UNVERIFIED, account=instance.owner_id)
    return None


def switched_off(switch: KillSwitch) -> Finding:
    """Return what a kill switch that is engaged does."""
    if switch.scope == Scope.SUSPENSION:
        return find(Code.OWNER_SUSPENDED, account=switch.target)
    return find(Code.KILL_SWITCH, cause=switch.reason, switch=switch.id)


def exhausted(db: SharedDb, owner_id: str, instance_id: str | None = None) -> Finding | None:
    """Return which budget of an account, or of one of its instances, has no room, or None."""
    row = db.execute(_EXHAUSTED, {"owner": owner_id, "instance": instance_id}).first()
    if row is None:
        return None
    spent = f"{row.spent_runs} of {row.runs} runs" if row.runs is not None else f"{row.spent_cost} of {row.cost}"
    cause = f"{spent} of this {row.period} are spent, of the budget that its {row.set_by} has set"
    renews = datetime.combine(row.renews, datetime.min.time(), UTC)
    return find(Code.BUDGET_EXHAUSTED, renews, cause=cause, raise_it=_raised_by(row, owner_id))


def _raised_by(row: Row[tuple[object, ...]], owner_id: str) -> str:
    if row.set_by == "administrator":
        return f"`PUT /v1/admin/accounts/{owner_id}/budget`"
    return "`PUT /v1/me/budget`" if row.instance_id is None else f"`PUT /v1/instances/{row.instance_id}/budget`"


def _on_its_way(instance: Instance) -> Finding:
    now = datetime.now(UTC)
    leased = instance.lease_expires_at
    if leased is not None and leased < now:
        return find(Code.LEASE_LOST, leased + LATE, worker="Celery worker")
    if leased is not None:
        return _at_work(instance)
    if instance.reason == Reason.HOST_UNREACHABLE:
        return find(Code.AGENT_HOST_AWAY, instance.deadline_at)
    if instance.due_at + LATE < now:
        seconds = round((now - instance.due_at).total_seconds())
        return find(Code.WORKER_STOPPED, instance.deadline_at, seconds=seconds)
    if instance.attempts:
        return find(Code.RETRY_AWAITED, instance.due_at, cause=instance.message, following=instance.next)
    return _at_work(instance)


def _at_work(instance: Instance) -> Finding:
    facts = {"cause": instance.message, "following": instance.next, "instance": instance.id}
    return find(Code.WORKER_AT_WORK, instance.deadline_at, **facts)


def _at_rest(instance: Instance) -> Finding:
    if instance.status == Status.FAILED:
        return find(Code.AGENT_FAILS, cause=instance.message, instance=instance.id)
    return find(Code.INSTANCE_STOPPED, cause=instance.message)


def _asked(db: SharedDb, instance: Instance) -> Finding | None:
    row = db.execute(_AWAITING, {"id": instance.id}).first()
    return None if row is None else find(Code.INPUT_AWAITED, row.deadline_at, run=row.id)
