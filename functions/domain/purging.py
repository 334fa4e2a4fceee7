"""Purging an account in shared_psql, once nothing of it is left in user_psql.

Its instances are deleted as their owner would do it, by a worker, which takes a moment: what belongs to them is deleted
as soon as that is done. Events about it may still be on their way, so that for some days it is looked at again.
"""

from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from core import context
from core.ids import new_id
from functions.domain.audit import erasing
from functions.domain.databases import SharedDb
from functions.domain.instances.deadlines import DEADLINES
from functions.domain.instances.reasons import Reason, explain
from shared_psql_models.account_purges import account_purges
from shared_psql_models.instances import instances
from shared_psql_models.statuses import Status

AGAIN_DAYS: Final = 8
"""For how many days a purged account is looked at again: events of it that are late are repeated no longer."""

BATCH: Final = 1000
"""Instances, and runs of them, that are deleted in one transaction; and accounts that are looked at."""

_DELETE_INSTANCES: Final = text(
    "select delete_purged_instances(cast(:ids as text[]), :account, :reason, :message, :next,"
    " cast(:seconds as integer), :actor, :traceparent, :correlationid, cast(:causationid as text))"
)

_PURGE: Final = text("select purge_account(:account, :most)")


def begin(db: SharedDb, account_id: str) -> None:
    """Purge an account, and note that it is to be looked at again."""
    db.execute(insert(account_purges).values(account_id=account_id).on_conflict_do_nothing())
    _purge(db, account_id)


def go_on(db: SharedDb) -> None:
    """Purge what has been left, or has come, of accounts that were purged lately."""
    lately = account_purges.c.purged_at > func.now() - func.make_interval(0, 0, 0, AGAIN_DAYS)
    left = select(instances.c.id).where(instances.c.owner_id == account_purges.c.account_id).exists()
    query = select(account_purges.c.account_id).where(lately | left).order_by(account_purges.c.purged_at)
    for account_id in db.scalars(query.limit(BATCH)).all():
        _purge(db, account_id)


def _purge(db: SharedDb, account_id: str) -> None:
    because, now = explain(Reason.DELETE_REQUESTED), context.current()
    db.execute(
        _DELETE_INSTANCES,
        {
            "ids": [new_id("evt") for _ in range(BATCH)],
            "account": account_id,
            "reason": because.reason,
            "message": because.message,
            "next": because.next,
            "seconds": DEADLINES[Status.DELETING],
            "actor": now.actor,
            "traceparent": now.traceparent,
            "correlationid": now.correlation,
            "causationid": now.causation_id,
        },
    )
    db.execute(_PURGE, {"account": account_id, "most": BATCH})
    erasing.erase(db, account_id)
