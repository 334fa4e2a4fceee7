"""The shelf: events of subjects that fail wait in shared_psql, in order, instead of filling the dispatcher's window.

RabbitMQ lets a few hundred deliveries wait unsettled, and delivers nothing beyond them. What waits because its subject
fails is written here and acknowledged; whatever else comes of the subject follows it, until nothing of it is left here.
Any dispatcher takes a subject whose time has come, by a claim that ends by itself.
"""

import base64
import json
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from core import failpoints
from core.ids import new_id
from core.postgres.session import Reconnecting
from events.dispatcher.dead_letters import BURY, burial
from events.dispatcher.delivery import Answer, Delivery, Verdict, received
from events.dispatcher.lanes import Lanes, Leaving
from events.dispatcher.workers import Call

log = logging.getLogger(__name__)

DATABASE: Final = "shared_psql"

MOST_EVENTS: Final = 100_000
"""Events of one queue that may be here: from there on the window may fill up, and RabbitMQ keeps the rest."""

CHUNK: Final = 50
"""Events of a subject that are taken at a time."""

CHUNK_BYTES: Final = 4 * 1024 * 1024

MARGIN: Final = 10.0
"""Seconds that a claim lasts beyond the time limit of a call."""

PAUSE: Final = 1.0
"""Seconds between two looks at an empty shelf, and after one that failed."""

SOON: Final = 0.2
"""Seconds between two looks at a shelf that isn't empty, at most."""

COUNTED: Final = 2.0
"""Seconds that a count of events is good for: they may be many."""

_SHELVED: Final = "select subject from deferred_subjects where queue = :queue"
SHELVE: Final = "select defer_events(:queue, cast(:opened as jsonb), cast(:events as jsonb))"
"""Takes a queue and what `written` returns."""

_UNSHELVE: Final = "select settle_deferred_events(:queue, :subject, :claim, cast(:taken as bigint[]), :tried, :pause)"
_COUNT: Final = """
select queue, count(*), count(*) filter (where due <= clock_timestamp())
from deferred_subjects where queue = any (:queues) group by queue
"""
_COUNT_EVENTS: Final = "select queue, count(*) from deferred_events where queue = any (:queues) group by queue"
_CLAIM: Final = """
with due as (
  select subject from deferred_subjects where queue = :queue and due <= clock_timestamp()
  order by due limit :most for update skip locked
)
update deferred_subjects set claim = :claim, due = clock_timestamp() + make_interval(secs => :lease)
from due where deferred_subjects.queue = :queue and deferred_subjects.subject = due.subject
returning deferred_subjects.subject, attempts
"""
_TAKE: Final = """
select seq, event from (
  select seq, event, sum(octet_length(event)) over (order by seq) - octet_length(event) as before
  from (select seq, event from deferred_events where queue = :queue and subject = :subject
        order by seq limit :most) as first
) as sized where before < :bytes order by seq
"""


@dataclass
class Chunk:
    """The first events of a claimed subject, and what became of them."""

    shelf: "Shelf"
    lanes: Lanes
    subject: str
    claim: str
    tried: int
    """Attempts at the first event that isn't taken."""
    until: float
    """When the claim ends, by the monotonic clock."""
    events: list[tuple[int, Delivery]]
    taken: list[int] = field(default_factory=list)
    pause: float = 0.0
    dead: tuple[Delivery, Answer] | None = None

    def work(self, call: Call) -> None:
        """Handle event after event, until one fails or the claim might end in the middle of a call."""
        for seq, delivery in self.events:
            if self.lanes.workers.stopped or time.monotonic() + self.lanes.subscription.timeout_seconds > self.until:
                break
            delivery.attempts = self.tried + 1
            answer = self.lanes.judged(delivery, call(delivery))
            if answer.verdict is Verdict.RETRY:
                self.tried = delivery.attempts
                self.pause = self.lanes.pause(self.tried)
                break
            self.taken.append(seq)
            self.tried = 0
            if answer.verdict is Verdict.DEAD:
                self.dead = (delivery, answer)
                break
        self.shelf.put_back(self)


class Shelf(threading.Thread):
    """Puts on the shelf and takes from it for all lanes of a dispatcher, over one connection."""

    def __init__(self) -> None:
        """Give it `lanes`, `kept` and `given_up` before it is started."""
        super().__init__(name="shelf", daemon=True)
        self.lanes: dict[str, Lanes] = {}
        """By queue."""
        self.counts: dict[str, tuple[int, int]] = {}
        """Subjects and events that are on the shelf, by queue; no entry for none."""
        self.kept: Callable[[str, Delivery], None]
        """Called with the queue and each delivery that is on the shelf, to be acknowledged."""
        self.given_up: Callable[[str, Delivery, Answer], None]
        """Called with the queue and each event from the shelf that becomes a dead letter."""
        self.buried: Counter[str] = Counter()
        """Dead letters by queue."""
        self.stopped = False
        self._bell = threading.Event()
        self._database = Reconnecting(DATABASE, "relay", name="botberi-shelf")
        self._leaving: dict[str, Leaving] = {}
        self._done: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
        self._unsaved: list[Chunk] = []
        self._out: dict[str, int] = {}
        self._events: dict[str, int] = {}
        self._counted = 0.0

    @property
    def connected(self) -> bool:
        """Whether shared_psql could be used when it last had to be."""
        return self._database.is_open

    def ring(self) -> None:
        """Wake the thread."""
        self._bell.set()

    def put_back(self, chunk: Chunk) -> None:
        """Take in a chunk that was worked on."""
        self._done.put(chunk)
        self._bell.set()

    def run(self) -> None:
        """Look after the shelf until stopped, then save what is known."""
        pause = 0.0
        while not self.stopped:
            self._bell.wait(pause)
            self._bell.clear()
            pause = self._look()
        self._attempt(self._save)

    def stop(self, seconds: float) -> None:
        """Save what became of the events that were taken, and end."""
        self.stopped = True
        self._bell.set()
        self.join(seconds)

    def _look(self) -> float:
        """Do everything that is to be done, and return the seconds until the next time."""
        if not self._attempt(self._round):
            time.sleep(PAUSE)
            return 0.0
        return SOON if self.counts or self._out else PAUSE

    def _attempt(self, work: Callable[[], None]) -> bool:
        try:
            self._database.open()
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            log.warning("the shelf in %s can't be used: %s; trying again", DATABASE, error)
            self._database.close()
            return False
        return True

    def _run(self, sql: str, **values: Any) -> list[list[Any]]:  # noqa: ANN401 - SQL
        return self._database.open().run(sql, **values)

    def _round(self) -> None:
        for queue_name, lanes in self.lanes.items():
            connection = lanes.asks
            if connection is not None:
                lanes.know(connection, {subject for [subject] in self._run(_SHELVED, queue=queue_name)})
            self._store(queue_name, lanes)
        self._save()
        rows = self._run(_COUNT, queues=list(self.lanes))
        if rows and time.monotonic() > self._counted + COUNTED:
            self._events = dict(self._run(_COUNT_EVENTS, queues=list(self.lanes)))
            self._counted = time.monotonic()
        self.counts = {name: (subjects, self._events.get(name, 0)) for name, subjects, _ in rows}
        for name, _, due in rows:
            if due:
                self._claim(name, self.lanes[name])

    def _store(self, queue_name: str, lanes: Lanes) -> None:
        """Write what leaves the lanes, and acknowledge it once it is committed."""
        subjects, events = self.counts.get(queue_name, (0, 0))
        leaving = self._leaving.get(queue_name)
        if leaving is None and events < MOST_EVENTS:
            leaving = lanes.leaving(lanes.window - subjects)
        if leaving is None:
            return
        self._leaving[queue_name] = leaving
        if lanes.is_current(leaving):
            failpoints.reach("shelf.store")
            rows = self._run(SHELVE, queue=queue_name, **written(leaving))
            failpoints.reach("shelf.stored")
            gone = {subject for [subject] in rows}
            for delivery in leaving.deliveries:
                if delivery.subject not in gone:
                    self.kept(queue_name, delivery)
            lanes.stay(leaving, gone)
        del self._leaving[queue_name]

    def _claim(self, queue_name: str, lanes: Lanes) -> None:
        most = lanes.workers.most_patient - self._out.get(queue_name, 0)
        if most <= 0:
            return
        lease = lanes.subscription.timeout_seconds + MARGIN
        claim, until = new_id("clm"), time.monotonic() + lease
        for subject, tried in self._run(_CLAIM, queue=queue_name, claim=claim, lease=lease, most=most):
            rows = self._run(_TAKE, queue=queue_name, subject=subject, most=CHUNK, bytes=CHUNK_BYTES)
            events = [(seq, received(0, 0, bytes(event))) for seq, event in rows]
            self._out[queue_name] = self._out.get(queue_name, 0) + 1
            lanes.workers.again(Chunk(self, lanes, subject, claim, tried, until, events).work)

    def _save(self) -> None:
        """Write what became of the chunks that were worked on."""
        while not self._done.empty():
            chunk = self._done.get()
            self._out[chunk.lanes.subscription.queue] -= 1
            self._unsaved.append(chunk)
        while self._unsaved:
            self._save_one(self._unsaved[0])
            self._unsaved.pop(0)

    def _save_one(self, chunk: Chunk) -> None:
        queue_name = chunk.lanes.subscription.queue
        failpoints.reach("shelf.save")
        self._run("begin")
        taken = "{" + ",".join(map(str, chunk.taken)) + "}"
        values = {"claim": chunk.claim, "taken": taken, "tried": chunk.tried, "pause": chunk.pause}
        [[is_ours]] = self._run(_UNSHELVE, queue=queue_name, subject=chunk.subject, **values)
        if is_ours and chunk.dead is not None:
            delivery, answer = chunk.dead
            self.given_up(queue_name, delivery, answer)
            self._run(BURY, **burial(queue_name, delivery, answer))
        self._run("commit")
        self.buried[queue_name] += is_ours and chunk.dead is not None
        failpoints.reach("shelf.saved")


def written(leaving: Leaving) -> dict[str, str]:
    """Return the parameters of the statement that puts events on the shelf."""
    opened = [{"subject": name, "attempts": tried, "pause": pause} for name, (tried, pause) in leaving.opened.items()]
    events = [
        {
            "subject": each.subject,
            "source": each.source,
            "id": each.event_id,
            "event": base64.b64encode(each.body).decode(),
        }
        for each in leaving.deliveries
    ]
    return {"opened": json.dumps(opened), "events": json.dumps(events)}
