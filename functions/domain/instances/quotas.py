"""Quotas: how much an account may have, and has.

An instance counts until its deletion is asked for; what is kept of its log and what its agent remembers, until the
instance is deleted.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.configuration import setting
from events.outbox import emit
from functions.domain.api_errors import Forbidden, PreconditionFailed
from functions.domain.databases import SharedDb
from functions.domain.instances.reading import PRESENT
from shared_psql_models.instances import instances
from shared_psql_models.operators import AccountLimits, account_limits
from shared_psql_models.statuses import DesiredState

SETTING: Final = "ACCOUNT_INSTANCES"
"""How many instances an account may have unless an administrator says otherwise."""

LOG_SETTING: Final = "ACCOUNT_LOG_BYTES"
"""How many bytes the logs of its instances may have unless an administrator says otherwise."""

MEMORY_SETTING: Final = "ACCOUNT_MEMORY_BYTES"
"""How many bytes its agents may remember unless an administrator says otherwise."""

SETTINGS: Final = (SETTING, LOG_SETTING, MEMORY_SETTING)

NEVER_CHANGED: Final = 0
"""The row version of an account's limits that nobody has changed."""


class Quota(StrEnum):
    """What is limited."""

    INSTANCES = "instances"
    LOG_BYTES = "log_bytes"
    AGENT_MEMORY_BYTES = "agent_memory_bytes"


_INSTALLATION: Final = {
    Quota.INSTANCES: (SETTING, 50),
    Quota.LOG_BYTES: (LOG_SETTING, 64 * 1024 * 1024),
    Quota.AGENT_MEMORY_BYTES: (MEMORY_SETTING, 16 * 1024 * 1024),
}
"""The setting of each, and what holds without it."""


class QuotaExceeded(Forbidden):
    """Your account has as much of this as it may have: `detail` says how much that is."""


class AccountLimitsChangedMeanwhile(PreconditionFailed):
    """These limits have changed since you read them: read them again, then repeat the change with their new ETag."""


@dataclass(frozen=True)
class Usage:
    """How much of something an account has, and may have."""

    used: int
    limit: int


@dataclass(frozen=True)
class Account:
    """What is limited of an account."""

    account_id: str
    limits: dict[str, int]
    """Those that are the account's own."""
    row_version: int
    usage: dict[Quota, Usage]


def of_account(db: SharedDb, account_id: str) -> Account:
    """Return what an account may have and has. Nothing is known here of accounts: one that isn't there has nothing."""
    own = _own(db, account_id)
    limits = {} if own is None else own.limits
    usage = {quota: Usage(count(db, account_id), _limit(limits, quota)) for quota, count in _USED.items()}
    return Account(account_id, limits, NEVER_CHANGED if own is None else own.row_version, usage)


def log_bytes(db: SharedDb, account_id: str) -> Usage:
    """Return how many bytes the logs of an account's instances have and may have.

    Those who add to them wait for nobody: what is added at the same time may be beyond it.
    """
    return _usage(db, account_id, Quota.LOG_BYTES)


def check_instances(db: SharedDb, account_id: str) -> None:
    """Refuse one more instance than an account may have. Raises QuotaExceeded.

    Others who ask for the same account wait until the transaction ends, and then count what it has created.
    """
    db.execute(_LOCK, {"account": account_id})
    usage = _usage(db, account_id, Quota.INSTANCES)
    if usage.used >= usage.limit:
        message = (
            f"You have {usage.used} instances, and your account may have {usage.limit}: delete one that you don't "
            "need, or ask whoever runs this service for more."
        )
        raise QuotaExceeded(message)


def check_memory(db: SharedDb, account_id: str, growth: int) -> None:
    """Refuse to keep so many more bytes of what an account's agents remember than it may have. Raises QuotaExceeded.

    Others who ask to keep more wait until the transaction ends, and then count what it has added.
    """
    if growth <= 0:
        return
    db.execute(_LOCK, {"account": account_id})
    usage = _usage(db, account_id, Quota.AGENT_MEMORY_BYTES)
    if usage.used + growth > usage.limit:
        message = (
            f"Your agents remember {usage.used} bytes, these would be {growth} more, and your account may have "
            f"{usage.limit}: delete what isn't needed, or ask whoever runs this service for more."
        )
        raise QuotaExceeded(message)


def change(db: SharedDb, account_id: str, versions: Container[str], limits: Mapping[str, int], reason: str) -> Account:
    """Give an account limits of its own in place of those it had, and return what it may have and has.

    Raises AccountLimitsChangedMeanwhile unless the present `row_version` is one of `versions`.
    """
    from events.catalog.account_limits import AccountLimitsChanged

    # Whoever counts against them meanwhile does so before the change or after it.
    db.execute(_LOCK, {"account": account_id})
    own = _own(db, account_id)
    if str(NEVER_CHANGED if own is None else own.row_version) not in versions:
        raise AccountLimitsChangedMeanwhile
    if dict(limits) != ({} if own is None else own.limits):
        if own is None:
            db.execute(insert(account_limits).values(account_id=account_id, limits=dict(limits)))
        else:
            counted = {"row_version": account_limits.c.row_version + 1, "updated_at": func.now()}
            same = account_limits.c.account_id == account_id
            db.execute(update(account_limits).where(same).values(limits=dict(limits), **counted))
        emit(db, AccountLimitsChanged(account_id=account_id, limits=dict(limits), reason=reason))
    return of_account(db, account_id)


_LOCK: Final = text("select pg_advisory_xact_lock(hashtextextended('quota ' || :account, 0))")


def _own(db: SharedDb, account_id: str) -> AccountLimits | None:
    row = db.execute(select(account_limits).where(account_limits.c.account_id == account_id)).mappings().first()
    return None if row is None else AccountLimits.of(row)


def _usage(db: SharedDb, account_id: str, quota: Quota) -> Usage:
    own = _own(db, account_id)
    return Usage(_USED[quota](db, account_id), _limit({} if own is None else own.limits, quota))


def _limit(own: Mapping[str, int], quota: Quota) -> int:
    name, default = _INSTALLATION[quota]
    return own.get(quota, int(setting(name, "") or default))


def _log_bytes(db: SharedDb, account_id: str) -> int:
    from shared_psql_models.instance_logs import instance_log_usage

    sums = select(func.sum(instance_log_usage.c.bytes)).where(instance_log_usage.c.owner_id == account_id)
    return int(db.scalar(sums) or 0)


def _memory_bytes(db: SharedDb, account_id: str) -> int:
    from shared_psql_models.agent_memory import agent_memory_usage

    sums = select(func.sum(agent_memory_usage.c.bytes)).where(agent_memory_usage.c.owner_id == account_id)
    return int(db.scalar(sums) or 0)


def _instances(db: SharedDb, account_id: str) -> int:
    counted = (instances.c.owner_id == account_id, instances.c.desired_state != DesiredState.DELETED, PRESENT)
    return int(db.scalar(select(func.count()).select_from(instances).where(*counted)) or 0)


_USED: Final[Mapping[Quota, Callable[[SharedDb, str], int]]] = {
    Quota.INSTANCES: _instances,
    Quota.LOG_BYTES: _log_bytes,
    Quota.AGENT_MEMORY_BYTES: _memory_bytes,
}
"""What counts each."""
