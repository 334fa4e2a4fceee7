"""Reading the outbox: a cursor made of two snapshots, so that nothing is missed and nothing is waited for.

Numbers are taken before transactions commit: a reader that remembers the last number misses what commits later with a
lower one, and a reader that waits for the oldest transaction stands still behind any that is long. This one asks what
the snapshot s2 shows that s1 did not, reads it by number in pages, and then lets s2 become s1.
"""

import os
import socket
from typing import Final

from core import failpoints
from core.postgres.session import Prepared, Session, Value
from events import envelope
from events.relay.outbox_records import Cursor, OutboxRecord, Unpublishable

PAGE: Final = 500
"""Events that are read at a time."""

# The lease at the broker decides who may publish, the epoch who may move the cursor. A relay that was frozen and has
# lost the lease may still have its connection here, and would move the cursor to where it was, or past what nobody has
# published. So whoever takes over raises the epoch in the one row that every save updates: a save that names an older
# epoch finds no row, and is too late whenever it comes.
_CLAIM: Final = """
update relay_cursor set epoch = epoch + 1, holder = :holder, updated = now()
returning s1::text, s2::text, last_seq, epoch
"""

IDENTITY: Final = """
select c.system_identifier = (pg_control_system()).system_identifier
   and c.timeline = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
from relay_cursor c
"""
"""Whether the cursor is of this cluster and timeline."""

# The CloudEvent is put together here and read as text: decoding rows in Python would halve the rate. Its attributes are
# not escaped, which would take most of the time: those that would have to be are recognised in `_record`. A dead letter
# of the other database leaves by this one when it is redriven: its body stays where it was.
_COLUMNS: Final = """
select seq, id, type, recipient, attributes, '' not in (id, origin, type, subject, partitionkey, actor),
  case when recipient is null and type = any(string_to_array(:blocking, ',')) then subject end, concat(
  '{"specversion":"1.0","id":"', id, '","source":"', origin, '","type":"', type, '","subject":"', subject,
  '","time":', rtrim(to_json(created at time zone 'UTC')::text, '"'),
  'Z","datacontenttype":"application/json","dataschema":"' || :api || '/v1/event-types/', type, '/schema","sequence":"',
  lpad(seq::text, 20, '0'), '","partitionkey":"', partitionkey, '","traceparent":"' || traceparent,
  '","correlationid":"' || correlationid, '","causationid":"' || causationid, '","channel":"' || channel,
  '","actor":"', actor,
  coalesce('","data":' || data::text, '","dataref":"'
    || case when origin like '/botberi/%' then origin else '/botberi/' || :database end || '/bodies/'
    || replace(replace(id, '%', '%25'), ' ', '%20') || '"'),
  '}')
"""

_ATTRIBUTES: Final = """
, coalesce(source, '/botberi/' || :database) as origin,
  concat(id, origin, type, subject, partitionkey, traceparent, correlationid, causationid, channel, actor)
    as attributes
"""

_ROWS: Final = f"from outbox {_ATTRIBUTES} where not pg_visible_in_snapshot(xid, cast(:s1 as pg_snapshot))"

_ORDER: Final = "order by seq limit :page"

# Whatever a statement sees is visible in its own snapshot, which becomes s2. The lowest number: what s1 did not show
# was either not begun then (its xid is from s1's xmax on) or in progress (its xid is in s1's list). `offset 0` keeps
# the planner from walking the outbox by number instead.
_LOWEST: Final = """
and seq >= (select least(
  (select min(seq) from (
    select seq from outbox where xid >= pg_snapshot_xmax(cast(:s1 as pg_snapshot)) offset 0) as later),
  (select min(seq) from (
    select seq from outbox
    where xid = any(array(select pg_snapshot_xip(cast(:s1 as pg_snapshot)))) offset 0) as underway)))
"""

_FIRST: Final = _COLUMNS + ", (select pg_current_snapshot()::text)" + _ROWS + _LOWEST

_AFTER: Final = "and seq > :after and pg_visible_in_snapshot(xid, cast(:s2 as pg_snapshot)) "

_NEXT: Final = _COLUMNS + _ROWS + _AFTER

_SAVE: Final = """
update relay_cursor set
  s1 = cast(:settled_s1 as pg_snapshot), s2 = cast(:settled_s2 as pg_snapshot), last_seq = :settled_seq, updated = now()
where epoch = :epoch
returning epoch
"""

# The same in front of a read. A relay that was superseded finds nothing, and learns why when it saves by itself.
_SAVING: Final = f"with saved as ({_SAVE})"
_IF_SAVED: Final = "and exists (select from saved) "

_PARK: Final = """
insert into parked_events (seq, id, type, subject, reason, detail, record, blocking)
select seq, id, type, subject, :reason, :detail, to_jsonb(outbox), :blocking from outbox where seq = :seq
on conflict (seq) do nothing
"""

_PARK_AGAIN: Final = """
update parked_events set reason = :reason, detail = :detail, released = null where seq = :seq and resolution is null
"""

_WAITING: Final = "select distinct subject from parked_events where blocking and resolution is null"

_WAITING_FIRST: Final = """
from (
  select row.* from (
    select distinct on (subject) record, reason, released from parked_events
    where blocking and resolution is null order by subject, seq
  ) as first, jsonb_populate_record(null::outbox, first.record) as row
  where released is not null or reason = 'behind'
) as outbox
"""

# The first of each subject, if it was redriven, or if what it was parked behind is gone.
_RELEASED: Final = _COLUMNS + _WAITING_FIRST + _ATTRIBUTES + _ORDER

_RESOLVE: Final = """
update parked_events set resolution = 'redriven', resolved_at = clock_timestamp(),
  resolved_by = coalesce(resolved_by, 'relay')
where seq = any(cast(:seqs as bigint[])) and resolution is null
"""


class RestoredDatabaseError(Exception):
    """The cursor is from another life of the database: it was restored, or a standby was promoted."""


class SupersededError(Exception):
    """Another relay has taken over, and this one may not move the cursor any more."""


class OutboxReader:
    """The outbox of one database, read by the relay that holds the lease."""

    def __init__(self, database: str, blocking: frozenset[str] = frozenset()) -> None:
        """Connect to `database`, or raise; records of the types `blocking` carry their subject."""
        self.database = database
        self.blocking = blocking
        self.api = envelope.api()
        self.session = Session(database, "relay", name="botberi-relay")
        self.epoch = 0
        # The cursor may lag behind after a crash of Postgres: that sends events again and loses none.
        self.session.run("set synchronous_commit = off")
        # One plan for all snapshots: to plan anew takes ten times as long as to read a few events. Such a plan knows
        # nothing of how little it will find, so it has to be kept from reading whole partitions.
        self.session.run("set plan_cache_mode = force_generic_plan")
        self.session.run("set enable_seqscan = off")
        self.session.run("set jit = off")
        self._first, self._first_saving = self._prepare_read(_FIRST)
        self._next, self._next_saving = self._prepare_read(_NEXT)
        self._save = self.session.prepare(_SAVE)
        self._quiet: str | None = None

    def claim(self) -> Cursor:
        """Begin a new epoch, which ends every other relay's, and return the cursor to go on from."""
        if self.session.run(IDENTITY) != [[True]]:
            message = (
                f"{self.database} was restored, or a standby was promoted: its cursor belongs to another cluster or "
                "timeline. See how far its events were delivered, then run: "
                f"python -m events.relay {self.database} --rebase SEQ (the last number that was delivered)"
            )
            raise RestoredDatabaseError(message)
        holder = f"{socket.gethostname()}/{os.getpid()}"
        [[s1, s2, last_seq, self.epoch]] = self.session.run(_CLAIM, holder=holder)
        return Cursor(s1, s2, last_seq)

    def _prepare_read(self, select: str) -> tuple[Prepared, Prepared]:
        """Return the statement by itself, and the one that saves the cursor too."""
        prepare = self.session.prepare
        return prepare(select + _ORDER), prepare(_SAVING + select + _IF_SAVED + _ORDER)

    def read(
        self, cursor: Cursor, limit: int = PAGE, settled: Cursor | None = None
    ) -> tuple[list[OutboxRecord], Cursor] | None:
        """Return the page after `cursor` and the cursor behind it; None if nothing has become visible since s1.

        When it has found events, it has also saved the cursor `settled`.
        """
        values: dict[str, Value] = {**self._rendering(), "page": limit}
        if settled is not None:
            values |= self._settling(settled)
        if cursor.s1 != cursor.s2:
            return self._go_on(cursor, limit, values)
        return self._begin(cursor.s1, limit, values)

    def _begin(self, s1: str, limit: int, values: dict[str, Value]) -> tuple[list[OutboxRecord], Cursor] | None:
        """Read the first page of what s1 did not show."""
        now = None
        if self._quiet is not None:
            # Nothing was there last time. As long as the snapshot is the same, nobody has committed anything since.
            [[now]] = self.session.run("select pg_current_snapshot()::text")
            if now == self._quiet:
                return None
        statement = self._first_saving if "epoch" in values else self._first
        rows = statement.run(s1=s1, **values)
        if not rows:
            self._quiet = now or ""
            return None
        self._quiet = None
        return self._page([_record(*row[:-1]) for row in rows], s1, rows[0][-1], limit)

    def _go_on(self, cursor: Cursor, limit: int, values: dict[str, Value]) -> tuple[list[OutboxRecord], Cursor]:
        statement = self._next_saving if "epoch" in values else self._next
        rows = statement.run(s1=cursor.s1, s2=cursor.s2, after=cursor.last_seq, **values)
        return self._page([_record(*row) for row in rows], cursor.s1, cursor.s2, limit)

    @staticmethod
    def _page(records: list[OutboxRecord], s1: str, s2: str, limit: int) -> tuple[list[OutboxRecord], Cursor]:
        """Return records with the cursor behind them: after a short page, s2 has become s1."""
        failpoints.reach("relay.read")
        return records, Cursor(s2, s2, 0) if len(records) < limit else Cursor(s1, s2, records[-1].seq)

    def save(self, cursor: Cursor) -> None:
        """Move the cursor; raise SupersededError if another relay has begun an epoch."""
        rows = self._save.run(**self._settling(cursor))
        if not rows:
            message = f"another relay of {self.database} has taken over"
            raise SupersededError(message)

    def _settling(self, cursor: Cursor) -> dict[str, str | int]:
        return {
            "settled_s1": cursor.s1,
            "settled_s2": cursor.s2,
            "settled_seq": cursor.last_seq,
            "epoch": self.epoch,
        }

    def _rendering(self) -> dict[str, str]:
        return {"database": self.database, "api": self.api, "blocking": ",".join(self.blocking)}

    def park(self, refused: Unpublishable, *, again: bool = False) -> None:
        """Park an event that can't be published, with its reason; `again` gives a parked one a new reason."""
        record, told = refused.record, {"reason": refused.reason, "detail": refused.detail}
        if again:
            self.session.run(_PARK_AGAIN, seq=record.seq, **told)
        else:
            self.session.run(_PARK, seq=record.seq, blocking=bool(record.subject), **told)

    def waiting(self) -> list[str]:
        """Return the subjects of which something is parked that pauses them."""
        return [str(subject) for [subject] in self.session.run(_WAITING)]

    def released(self) -> list[OutboxRecord]:
        """Return the parked records that may leave, no two of one subject."""
        return [_record(*row) for row in self.session.run(_RELEASED, **self._rendering(), page=PAGE)]

    def resolve(self, seqs: list[int]) -> None:
        """Record that parked events were redriven."""
        self.session.run(_RESOLVE, seqs=seqs)

    def close(self) -> None:
        """Close the connection."""
        self.session.close()


def _record(  # noqa: PLR0917 - the columns of a row
    seq: int,
    name: str,
    event_type: str,
    recipient: str | None,
    attributes: str,
    whole: bool,
    subject: str | None,
    event: str,
) -> OutboxRecord:
    """Return a row as a record; its event is JSON if the record is sound."""
    plain = whole and attributes.isascii() and attributes.isprintable()
    sound = plain and '"' not in attributes
    if "\\" in attributes:
        # Allowed, and the one character that JSON writes otherwise. No attribute has a quote, so this is where data is.
        head, mark, data = event.partition('","data":')
        event = head.replace("\\", "\\\\") + mark + data
    return OutboxRecord(seq, name, event_type, event, recipient, len(attributes), sound, subject or "")
