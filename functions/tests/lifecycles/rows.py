"""What the database says of instances, and what has to be true of that whatever has happened to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from functions.domain.instances.deadlines import DEADLINES, LIMIT, back_off
from shared_psql_models.statuses import TRANSIENT, Status
from tools.documents import Document

MARGIN: Final = 5
"""Seconds by which clocks may be read apart."""

EVENT_KINDS: Final = {
    "com.botberi.instance.desired_state_changed.v1": "desired_state",
    "com.botberi.instance.status_changed.v1": "status",
    "com.botberi.instance.changed.v1": "generation",
}


@dataclass(frozen=True)
class Entry:
    """A row of an instance's history."""

    id: str
    sequence: int
    kind: str
    previous: str | None
    value: str
    reason: str
    actor: str


@dataclass(frozen=True)
class Event:
    """An event of an instance in the outbox."""

    id: str
    sequence: int
    type: str
    fields: list[str] | None


@dataclass(frozen=True)
class Row:
    """An instance with all that is kept beside it; times are seconds from now."""

    id: str
    desired_state: str
    status: str
    reason: str
    message: str
    generation: int
    observed_generation: int | None
    row_version: int
    attempts: int
    version_id: str
    config: Document
    lease_owner: str | None
    leased_for: float | None
    due_in: float
    deadline_in: float | None
    queued: float | None
    history: list[Entry]
    events: list[Event]
    specs: dict[int, tuple[str, Document]]
    secrets: set[tuple[str, int]]

    @property
    def written(self) -> tuple[object, ...]:
        """What alone the holder of the lease writes among workers."""
        return self.status, self.reason, self.generation, self.observed_generation, self.row_version, self.attempts

    @property
    def settled(self) -> bool:
        """Whether it is as it is wanted, or was given up."""
        match self.desired_state:
            case "running":
                serves = self.status == Status.RUNNING and self.generation == self.observed_generation
                return serves or (self.status == Status.FAILED and self.attempts > 0)
            case other:
                return self.status == other

    @property
    def versions(self) -> set[str]:
        """The ids of those that it consists of or is to consist of."""
        return {self.version_id, *(version for version, _ in self.specs.values())}

    @property
    def leased(self) -> bool:
        """Whether somebody may work on it now."""
        return self.leased_for is not None and self.leased_for > 0


def read(db: Connection, ids: Sequence[str], since: int) -> dict[str, Row]:
    """Return the rows of instances, whose events have come after the outbox' number `since`."""
    found = db.execute(_READ, {"ids": list(ids), "since": since}).mappings()
    return {row["id"]: _row(dict(row)) for row in found}


def _row(row: Document) -> Row:
    return Row(
        **row
        | {
            "history": [Entry(*each) for each in row["history"]],
            "events": [Event(*each) for each in row["events"]],
            "specs": {each[0]: (each[1], each[2]) for each in row["specs"]},
            "secrets": {(each[0], each[1]) for each in row["secrets"]},
        }
    )


def check(row: Row) -> None:
    """Fail unless everything is true of an instance that is true of every instance at any time."""
    _check_that_nothing_is_forgotten(row)
    _check_history(row)
    _check_specs(row)


def _check_that_nothing_is_forgotten(row: Row) -> None:
    """Every status that ends by itself has a deadline, and whatever is not as wanted is due, or worked on, soon."""
    if row.status in TRANSIENT or not row.settled:
        assert row.deadline_in is not None, "nothing says until when"
    if not row.settled:
        longest = back_off(LIMIT - 1) + MARGIN
        assert row.due_in <= longest, f"the sweep looks again only in {row.due_in} s"
    if row.deadline_in is not None:
        assert row.deadline_in <= max(DEADLINES.values()) + back_off(LIMIT) + MARGIN


def _check_history(row: Row) -> None:
    """Each change is in the history and in the outbox under one id and number, in order and without a gap."""
    now = {"status": row.status, "desired_state": row.desired_state, "generation": str(row.generation)}
    last: dict[str, str | None] = {"status": "pending", "desired_state": None, "generation": "1"}
    for entry in row.history:
        assert entry.previous == last[entry.kind], f"{entry} follows on {last[entry.kind]}"
        last[entry.kind] = entry.value
    assert last == now, f"the history ends with {last}, and the row says {now}"
    numbers = [entry.sequence for entry in row.history]
    assert numbers == sorted(set(numbers)), "the numbers of what happened don't rise"
    told = [(each.id, each.sequence, EVENT_KINDS[each.type]) for each in row.events if not _shown_alone(each)]
    assert told == [(entry.id, entry.sequence, entry.kind) for entry in row.history], "history and outbox differ"


def _shown_alone(event: Event) -> bool:
    return bool(event.fields) and {"name", "labels"}.issuperset(event.fields or ())


def _check_specs(row: Row) -> None:
    """What it consists of is kept from the generation that serves on, with its secrets; of a deleted one nothing is."""
    if row.status == Status.DELETED:
        assert (row.config, row.specs, row.secrets) == ({}, {}, set()), "something is left of what was deleted"
        return
    serving = row.observed_generation
    assert row.generation in row.specs
    assert row.specs[row.generation] == (row.version_id, row.config), "what is wanted isn't what is kept of it"
    assert serving is None or serving in row.specs, "what serves is forgotten"
    assert serving is None or min(row.specs) == serving, f"{set(row.specs)} are kept though {serving} serves"
    referred = {
        (f"/{name}", value["secret_version"])
        for _, config in row.specs.values()
        for name, value in config.items()
        if isinstance(value, dict)
    }
    assert row.secrets == referred, "other secrets are kept than those that are referred to"


def check_step(before: Row, after: Row) -> None:
    """Fail if a step has taken back what must never be: the end of an instance, or a number that only rises."""
    assert after.row_version >= before.row_version
    assert after.generation >= before.generation
    assert (after.observed_generation or 0) >= (before.observed_generation or 0)
    if before.status == Status.DELETED:
        assert after.written == before.written, "something has happened to it after its end"
    if before.desired_state == "deleted":
        assert after.desired_state == "deleted", "its deletion was taken back"
    if before.written != after.written:
        changed = (before.status, before.desired_state) != (after.status, after.desired_state)
        assert not changed or after.row_version > before.row_version, "changed without a new version of the row"


_READ: Final = text(
    """
    select id, desired_state, status, reason, message, generation, observed_generation, row_version, attempts,
      version_id, config, lease_owner,
      extract(epoch from lease_expires_at - clock_timestamp())::float as leased_for,
      extract(epoch from due_at - clock_timestamp())::float as due_in,
      extract(epoch from deadline_at - clock_timestamp())::float as deadline_in,
      extract(epoch from clock_timestamp() - queued_at)::float as queued,
      (select coalesce(json_agg(json_build_array(e.id, sequence, kind, previous, value, e.reason, actor) order by e.id),
         '[]') from instance_events e where instance_id = instances.id) as history,
      (select coalesce(json_agg(json_build_array(o.id, seq, type, data -> 'fields') order by seq), '[]')
         from outbox o where seq > :since and subject = instances.id) as events,
      (select coalesce(json_agg(json_build_array(s.generation, s.version_id, s.config)), '[]')
         from instance_specs s where instance_id = instances.id) as specs,
      (select coalesce(json_agg(json_build_array(place, version)), '[]')
         from instance_secrets where instance_id = instances.id) as secrets
    from instances where id = any(:ids)
    """
)
