"""Notifying: what a push config's webhook is still to be told of its task, in its order, at least once.

Whoever delivers claims the push config for as long as a delivery may take, and holds no transaction meanwhile. What was
accepted is written down at once, so a deliverer that dies has one notification sent twice, and none before another.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import case, func, or_, select, text, update

from events.catalog.runs import PushNotificationFallenDue
from functions.domain.a2a import contexts, push_configs
from functions.domain.a2a.tasks import Task
from functions.domain.api_errors import Unavailable
from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.domain.runs.reading import Of
from functions.domain.runs.recording import after
from shared_psql_models.push_configs import PushConfig
from shared_psql_models.push_configs import push_configs as table
from shared_psql_models.runs import EventType, RunEvent, run_events, runs

CLAIM_SECONDS: Final = 45
"""How long a claim lasts that nobody renews: longer than the name of a host is asked for, and than a delivery takes."""

OF_OWNER: Final = 3
"""Deliveries to webhooks of one account that may be under way at a time, so that slow ones of one make nobody wait."""

GIVE_UP_SECONDS: Final = 120
"""For which a webhook may accept nothing before notifications are given up.

The dispatcher repeats a delivery for longer than that, even if each of its pauses is as short as it may be.
"""


class DeliveryUnderWay(Unavailable):
    """Another delivery to this webhook is under way."""


class WebhooksBusy(Unavailable):
    """As many deliveries to webhooks of this account are under way as may be at a time."""


class NotDelivered(Unavailable):
    """The webhook didn't accept the notification: deliver it again."""


@dataclass(frozen=True)
class Notification:
    """What a webhook is told: one status of its task."""

    sequence: int
    """The number of the run's event."""
    body: bytes


@dataclass(frozen=True)
class Claimed:
    """A push config that one deliverer alone works on, and what its webhook is still to be told."""

    config: PushConfig
    """With the end of the claim, by which it is known."""
    headers: Mapping[str, str] = field(repr=False)
    due: tuple[Notification, ...]


def claim(db: SharedDb, event: PushNotificationFallenDue) -> Claimed | None:
    """Claim the push config that an event is about; None if it is gone, or its webhook was told.

    Raises DeliveryUnderWay, WebhooksBusy and SecretsUnavailable.
    """
    same = (table.c.subject == event.push_config_id, table.c.notified_sequence < event.last_sequence)
    taken = update(table).where(*same, _FREE, _UNDER_WAY < OF_OWNER).values(claimed_until=after(CLAIM_SECONDS))
    row = db.execute(taken.returning(table)).mappings().first()
    if row is None:
        found = db.execute(select(_FREE.label("is_free")).where(*same)).first()
        if found is None:
            return None
        raise WebhooksBusy if found.is_free else DeliveryUnderWay
    config = PushConfig.of(row)
    # There is one: a run takes its push configs with it, and this one is locked.
    run = reading.find(db, config.run_id, Of())
    task = Task(run, contexts.of_run(db, run))
    due: list[Notification] = []
    for each in _events(db, run.id, event.last_sequence):
        said = task.take(each)
        if each.type == EventType.STATUS and each.sequence > config.notified_sequence:
            due.append(Notification(each.sequence, json.dumps(said[0], ensure_ascii=False).encode()))
    return Claimed(config, push_configs.headers(config, run.instance_id), tuple(due))


_FREE: Final = or_(table.c.claimed_until.is_(None), table.c.claimed_until < func.clock_timestamp())

_other, _its_run, _own_run = table.alias("other"), runs.alias("its_run"), runs.alias("own_run")

_OWN: Final = select(_own_run.c.owner_id).where(_own_run.c.id == table.c.run_id).correlate(table).scalar_subquery()

# Two that claim at the same moment don't see each other: one more may come in.
_UNDER_WAY: Final = (
    select(func.count())
    .select_from(_other.join(_its_run, _its_run.c.id == _other.c.run_id))
    .where(
        _other.c.claimed_until > func.clock_timestamp(),
        _its_run.c.owner_id == _OWN,
    )
    .correlate(table)
    .scalar_subquery()
)
"""Deliveries to webhooks of the same account that are under way."""


def accepted(db: SharedDb, claimed: Claimed, notification: Notification) -> None:
    """Write down that the webhook has accepted a notification."""
    _write(db, claimed, notified_sequence=notification.sequence, failing_since=None)


def release(db: SharedDb, claimed: Claimed) -> None:
    """End the claim."""
    _write(db, claimed, claimed_until=None)


def refused(db: SharedDb, claimed: Claimed) -> bool:
    """End the claim after the webhook has accepted nothing; return whether what it was to be told is given up."""
    since = func.coalesce(table.c.failing_since, func.clock_timestamp())
    late = table.c.failing_since < after(-GIVE_UP_SECONDS)
    last = case((late, claimed.due[-1].sequence), else_=table.c.notified_sequence)
    written = _write(db, claimed, claimed_until=None, failing_since=since, notified_sequence=last)
    return written == claimed.due[-1].sequence


def _write(db: SharedDb, claimed: Claimed, **columns: object) -> int | None:
    """Write into the push config, and return the number up to which its webhook was told; None if the claim is over."""
    config = claimed.config
    own = (table.c.subject == config.subject, table.c.claimed_until == config.claimed_until)
    written = db.execute(update(table).where(*own).values(columns).returning(table.c.notified_sequence)).first()
    return None if written is None else int(written.notified_sequence)


_OF_STATUSES: Final = text("type in ('status', 'usage', 'input') or (type = 'data' and data->>'name' = 'a2a.status')")
"""The events that what a status tells follows from: the text of an answer is none of them, however long."""


def _events(db: SharedDb, run_id: str, until: int) -> list[RunEvent]:
    query = select(run_events).where(run_events.c.run_id == run_id, run_events.c.sequence <= until, _OF_STATUSES)
    return [RunEvent.of(row) for row in db.execute(query.order_by(run_events.c.sequence)).mappings()]
