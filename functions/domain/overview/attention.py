"""What needs somebody: instances and runs by what is the matter with them, and events that are stuck.

Each is found by an index of its own and read no further than a limit, so that it takes as long however many there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, literal_column, select, text

from functions.domain.databases import SharedDb
from functions.domain.event_path.dead_letters import Databases
from functions.domain.instances import troubles
from functions.domain.instances.reading import PRESENT
from functions.domain.instances.troubles import InstanceTrouble
from functions.domain.runs import administration
from functions.domain.runs.administration import RunTrouble
from shared_psql_models.instances import instances
from shared_psql_models.runs import runs

LIMIT: Final = 100
"""How far is counted: so many stand for that many at least."""

SHOWN: Final = 10
"""Ids that are told of each, the newest first."""

_UNCLAIMED: Final = text(
    """
    select id from runs where status = 'queued' and lease_owner is null and due_at < now() - interval '5 seconds'
      and status_at < now() - interval '5 seconds' and reason in ('accepted', 'answered', 'tried_again')
      and not exists (select from runs as other where other.lease_owner is not null and other.lease_expires_at > now())
      and not exists (select from runs as earlier where earlier.conversation_id = runs.conversation_id
        and earlier.position < runs.position and earlier.status in ('queued', 'running', 'input_required'))
    order by id desc limit :most
    """
)
_REASON: Final = text("select id from runs where status = 'queued' and reason = :reason order by id desc limit :most")
_HOSTLESS: Final = text(
    "select id from instances where deadline_at is not null and reason = 'host_unreachable'"
    " order by id desc limit :most"
)
_STUCK_EVENTS: Final = text(
    "select id from all_dead_letters where kind = :kind and resolution is null order by id desc limit :most"
)
_DEFERRED: Final = text(
    "select queue, count(*) from (select queue from deferred_subjects limit :most) as few group by queue order by queue"
)


@dataclass(frozen=True)
class Need:
    """Some things that need somebody, for one reason."""

    kind: str
    """What they are: `instance`, `run`, `event` or `subscriber`."""
    trouble: str
    count: int
    """Up to LIMIT."""
    ids: list[str]
    link: str
    """Where all of them are listed; empty where nothing lists them."""
    to_do: str


_OF_INSTANCES: Final = {
    InstanceTrouble.STUCK: "See why: its worker, its agent host or its driver. Or have it reconciled.",
    InstanceTrouble.OVERDUE: "See whether a Celery worker runs, and reaches Redis and Postgres.",
    InstanceTrouble.ORPHANED: "Have it reconciled: its version is deployed anew.",
    InstanceTrouble.FAILING: "Its owner reads its log; start it again when the cause is mended.",
    InstanceTrouble.AWAITING_INPUT: "Its owner answers what its agent has asked.",
    InstanceTrouble.OVER_BUDGET: "Whoever has set the budget raises it, or waits until it is counted anew.",
    InstanceTrouble.QUARANTINED: "Release it when the cause is mended.",
}
"""What is told, and what is to be done. What a kill switch concerns is no news to whoever has engaged it."""

_OF_RUNS: Final = {
    RunTrouble.STUCK: "See whether a runner runs: it takes over what another has left.",
    RunTrouble.OVERDUE: "See whether a runner runs: it ends what is overdue.",
}

_OF_REASONS: Final = {
    "platform_full": ("agent_host_full", "Start another agent host, or give those that there are more calls."),
    "agent_unavailable": ("agent_host_away", "Start an agent host, or see whether `AGENT_HOST_URL` leads to one."),
}


def needs(databases: Databases) -> Iterator[Need]:
    """Yield what needs somebody, one for each reason that there is."""
    db = SharedDb(databases["shared_psql"])
    yield from (each for each in _all(db, databases) if each.count)


def _all(db: SharedDb, databases: Databases) -> Iterator[Need]:
    for trouble, to_do in _OF_INSTANCES.items():
        query = select(instances.c.id).where(PRESENT, troubles.condition(db, trouble))
        ids = list(db.scalars(query.order_by(instances.c.id.desc()).limit(LIMIT)))
        yield _need("instance", trouble, ids, f"/v1/admin/instances?trouble={trouble}", to_do)
    for of_run, to_do in _OF_RUNS.items():
        wanted: ColumnElement[bool] = literal_column(administration.CONDITIONS[of_run])
        ids = list(db.scalars(select(runs.c.id).where(wanted).order_by(runs.c.id.desc()).limit(LIMIT)))
        yield _need("run", of_run, ids, f"/v1/admin/runs?trouble={of_run}", to_do)
    most = {"most": LIMIT}
    unclaimed = list(db.scalars(_UNCLAIMED, most))
    yield _need("run", "runner_stopped", unclaimed, "/v1/admin/runs?status=queued", "See whether a runner runs.")
    for reason, (trouble_of_host, to_do) in _OF_REASONS.items():
        ids = list(db.scalars(_REASON, {"reason": reason, **most}))
        yield _need("run", trouble_of_host, ids, "/v1/admin/runs?status=queued", to_do)
    hostless = list(db.scalars(_HOSTLESS, most))
    yield _need("instance", "agent_host_away", hostless, "", _OF_REASONS["agent_unavailable"][1])
    for name, each in databases.items():
        for kind in ("parked", "dead"):
            ids = list(each.scalars(_STUCK_EVENTS, {"kind": kind, **most}))
            link = f"/v1/dead-letters?kind={kind}&database={name}"
            yield _need("event", kind, ids, link, "Read it, mend the cause, then redrive or discard it.")
    for queue, count in db.execute(_DEFERRED, most):
        mails = queue in {"botberi.send-mail", "botberi.mail-other-address"}
        to_do = "See whether the mail server answers." if mails else "See what its function logs."
        yield Need("subscriber", "mail_server_away" if mails else "failing", int(count), [queue], "", to_do)


def _need(kind: str, trouble: str, ids: list[str], link: str, to_do: str) -> Need:
    return Need(kind, str(trouble), len(ids), ids[:SHOWN], link, to_do)
