"""The retry store: events of subjects that fail wait in shared_psql, in order, instead of filling the dispatcher's
window.

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
from typing import Final

from core import failpoints
from core.ids import new_id
from core.postgres.session import Reconnecting, Row, Value
from events.dispatcher.dead_letters import INSERT, dead_letter_row
from events.dispatcher.delivery import CallResult, Delivery, Verdict, received
from events.dispatcher.key_queues import Deferral, KeyQueues
from events.dispatcher.workers import Call

log = logging.getLogger(__name__)

DATABASE: Final = "shared_psql"

EVENT_LIMIT: Final = 100_000
"""Events of one queue that may be here: from there on the window may fill up, and RabbitMQ keeps the rest."""

CHUNK: Final = 50
"""Events of a subject that are taken at a time."""

CHUNK_BYTES: Final = 4 * 1024 * 1024

MARGIN: Final = 10.0
"""Seconds that a claim lasts beyond the time limit of a call."""

PAUSE: Final = 1.0
"""Seconds between two looks at an empty retry store, and after one that failed."""

SOON: Final = 0.2
"""Seconds between two looks at a retry store that isn't empty, at most."""

COUNTED: Final = 2.0
"""Seconds that a count of events is good for: they may be many."""

_DEFERRED: Final = "select subject from deferred_subjects where queue = :queue"
DEFER: Final = "select defer_events(:queue, cast(:opened as jsonb), cast(:events as jsonb))"
"""Takes a queue and what `written` returns."""

_SETTLE: Final = "select settle_deferred_events(:queue, :subject, :claim, cast(:taken as bigint[]), :tried, :pause)"
_COUNT: Final = """
select queue, count(*), count(*) filter (where due <= clock_timestamp())
from deferred_subjects where queue = any (:queues) group by queue
"""
_COUNT_EVENTS: Final = "select queue, count(*) from deferred_events where queue = any (:queues) group by queue"

# A claim is a lease, kept in the subject's row: `due` moves to where the claim ends, so the subject of a dispatcher
# that has died is simply due again. Dispatchers that look at the same time take different subjects, since each skips
# the rows that another has locked. `claim` is new each time, and settling asks for it: a result that comes after
# another has taken the subject changes nothing, and the other calls again.
_CLAIM: Final = """
with due as (
  select subject from deferred_subjects where queue = :queue and due <= clock_timestamp()
  order by due limit :most for update skip locked
)
update deferred_subjects set claim = :claim, due = clock_timestamp() + make_interval(secs => :lease)
from due where deferred_subjects.queue = :queue and deferred_subjects.subject = due.subject
returning deferred_subjects.subject, attempts
"""

# The first is taken however large it is: the bytes that count against the limit are those in front of an event.
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

    retry_store: "RetryStore"
    key_queues: KeyQueues
    subject: str
    claim: str
    tried: int
    """Attempts at the first event that isn't taken."""
    until: float
    """When the claim ends, by the monotonic clock."""
    events: list[tuple[int, Delivery]]
    taken: list[int] = field(default_factory=list)
    pause: float = 0.0
    dead: tuple[Delivery, CallResult] | None = None

    def work(self, call: Call) -> None:
        """Handle event after event, until one fails or the claim might end in the middle of a call."""
        for seq, delivery in self.events:
            if (
                self.key_queues.workers.stopped
                or time.monotonic() + self.key_queues.subscription.timeout_seconds > self.until
            ):
                break
            delivery.attempts = self.tried + 1
            result = self.key_queues.judged(delivery, call(delivery))
            if result.verdict is Verdict.RETRY:
                self.tried = delivery.attempts
                self.pause = self.key_queues.pause(self.tried)
                break
            self.taken.append(seq)
            self.tried = 0
            if result.verdict is Verdict.DEAD:
                self.dead = (delivery, result)
                break
        self.retry_store.put_back(self)


class RetryStore(threading.Thread):
    """Stores deferred events and takes them back for all key queues of a dispatcher, over one connection."""

    def __init__(self) -> None:
        """Give it `key_queues`, `kept` and `given_up` before it is started."""
        super().__init__(name="retry-store", daemon=True)
        self.key_queues: dict[str, KeyQueues] = {}
        """By queue."""
        self.counts: dict[str, tuple[int, int]] = {}
        """Subjects and events that are in the retry store, by queue; no entry for none."""
        self.kept: Callable[[str, Delivery], None]
        """Called with the queue and each delivery that is in the retry store, to be acknowledged."""
        self.given_up: Callable[[str, Delivery, CallResult], None]
        """Called with the queue and each event from the retry store that becomes a dead letter."""
        self.dead_letters: Counter[str] = Counter()
        """Dead letters by queue."""
        self.stopped = False
        self._woken = threading.Event()
        self._database = Reconnecting(DATABASE, "relay", name="botberi-retry-store")
        self._deferrals: dict[str, Deferral] = {}
        self._done: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
        self._unsaved: list[Chunk] = []
        self._out: dict[str, int] = {}
        self._events: dict[str, int] = {}
        self._counted = 0.0

    @property
    def connected(self) -> bool:
        """Whether shared_psql could be used when it last had to be."""
        return self._database.is_open

    def wake(self) -> None:
        """Wake the thread."""
        self._woken.set()

    def put_back(self, chunk: Chunk) -> None:
        """Return a chunk that was worked on, to be saved; from any thread."""
        self._done.put(chunk)
        self._woken.set()

    def run(self) -> None:
        """Store, claim and save until stopped; then save once more."""
        pause = 0.0
        while not self.stopped:
            self._woken.wait(pause)
            self._woken.clear()
            pause = self._look()
        self._attempt(self._save)

    def stop(self, seconds: float) -> None:
        """Save the results of claimed events, and end within `seconds`."""
        self.stopped = True
        self._woken.set()
        self.join(seconds)

    def _look(self) -> float:
        """Run one round; return the seconds until the next."""
        if not self._attempt(self._round):
            time.sleep(PAUSE)
            return 0.0
        return SOON if self.counts or self._out else PAUSE

    def _attempt(self, work: Callable[[], None]) -> bool:
        try:
            self._database.open()
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            log.warning("the retry store in %s can't be used: %s; trying again", DATABASE, error)
            self._database.close()
            return False
        return True

    def _run(self, sql: str, **values: Value) -> list[Row]:
        return self._database.open().run(sql, **values)

    def _round(self) -> None:
        for queue_name, key_queues in self.key_queues.items():
            connection = key_queues.waiting_connection
            if connection is not None:
                key_queues.set_deferred(connection, {subject for [subject] in self._run(_DEFERRED, queue=queue_name)})
            self._store(queue_name, key_queues)
        self._save()
        rows = self._run(_COUNT, queues=list(self.key_queues))
        if rows and time.monotonic() > self._counted + COUNTED:
            self._events = {name: int(count) for name, count in self._run(_COUNT_EVENTS, queues=list(self.key_queues))}
            self._counted = time.monotonic()
        self.counts = {name: (subjects, self._events.get(name, 0)) for name, subjects, _ in rows}
        for name, _, due in rows:
            if due:
                self._claim(name, self.key_queues[name])

    def _store(self, queue_name: str, key_queues: KeyQueues) -> None:
        """Write what leaves the key queues, and acknowledge it once it is committed."""
        subjects, events = self.counts.get(queue_name, (0, 0))
        deferral = self._deferrals.get(queue_name)
        if deferral is None and events < EVENT_LIMIT:
            deferral = key_queues.take_deferral(key_queues.window - subjects)
        if deferral is None:
            return
        self._deferrals[queue_name] = deferral
        if key_queues.is_current(deferral):
            failpoints.reach("retry_store.store")
            rows = self._run(DEFER, queue=queue_name, **written(deferral))
            failpoints.reach("retry_store.stored")
            gone = {subject for [subject] in rows}
            for delivery in deferral.deliveries:
                if delivery.subject not in gone:
                    self.kept(queue_name, delivery)
            key_queues.readmit(deferral, gone)
        del self._deferrals[queue_name]

    def _claim(self, queue_name: str, key_queues: KeyQueues) -> None:
        most = key_queues.workers.retry_limit - self._out.get(queue_name, 0)
        if most <= 0:
            return
        lease = key_queues.subscription.timeout_seconds + MARGIN
        # Counted before Postgres counts the same, so that the claim seems to end here earlier than it does there.
        claim, until = new_id("clm"), time.monotonic() + lease
        for subject, tried in self._run(_CLAIM, queue=queue_name, claim=claim, lease=lease, most=most):
            rows = self._run(_TAKE, queue=queue_name, subject=subject, most=CHUNK, bytes=CHUNK_BYTES)
            events = [(seq, received(0, 0, bytes(event))) for seq, event in rows]
            self._out[queue_name] = self._out.get(queue_name, 0) + 1
            key_queues.workers.again(Chunk(self, key_queues, subject, claim, tried, until, events).work)

    def _save(self) -> None:
        """Write what became of the chunks that were worked on."""
        while not self._done.empty():
            chunk = self._done.get()
            self._out[chunk.key_queues.subscription.queue] -= 1
            self._unsaved.append(chunk)
        while self._unsaved:
            self._save_one(self._unsaved[0])
            self._unsaved.pop(0)

    def _save_one(self, chunk: Chunk) -> None:
        queue_name = chunk.key_queues.subscription.queue
        failpoints.reach("retry_store.save")
        self._run("begin")
        taken = "{" + ",".join(map(str, chunk.taken)) + "}"
        [[is_ours]] = self._run(
            _SETTLE,
            queue=queue_name,
            subject=chunk.subject,
            claim=chunk.claim,
            taken=taken,
            tried=chunk.tried,
            pause=chunk.pause,
        )
        if is_ours and chunk.dead is not None:
            delivery, result = chunk.dead
            self.given_up(queue_name, delivery, result)
            self._run(INSERT, **dead_letter_row(queue_name, delivery, result))
        self._run("commit")
        self.dead_letters[queue_name] += is_ours and chunk.dead is not None
        failpoints.reach("retry_store.saved")


def written(deferral: Deferral) -> dict[str, str]:
    """Return the parameters of the statement that puts events in the retry store."""
    opened = [{"subject": name, "attempts": tried, "pause": pause} for name, (tried, pause) in deferral.opened.items()]
    events = [
        {
            "subject": each.subject,
            "source": each.source,
            "id": each.event_id,
            "event": base64.b64encode(each.body).decode(),
        }
        for each in deferral.deliveries
    ]
    return {"opened": json.dumps(opened), "events": json.dumps(events)}
