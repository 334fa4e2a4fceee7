"""The outbox's partitions: made ahead of the events, and dropped once those are delivered and old."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from cli import checks
from tools.harness.path import EventPath

Eventually = Callable[..., Any]

SIZE = 250_000
"""Numbers of a partition."""


def newest(path: EventPath) -> int:
    """Return the number of the partition that the next event belongs to."""
    return int(path.query("select nextval('outbox_seq_seq') / :size", size=SIZE)[0][0])


def go_on_by(path: EventPath, partitions: int) -> int:
    """Let the next event be one of a later partition, whose number is returned."""
    number = newest(path) + partitions
    path.query("select setval('outbox_seq_seq', :seq)", seq=number * SIZE + 1)
    return number


def partition_of(path: EventPath, event_id: str) -> str:
    return str(path.query("select tableoid::regclass::text from outbox where id = :id", id=event_id)[0][0])


def exists(path: EventPath, number: int) -> bool:
    return bool(path.query("select to_regclass(:name) is not null", name=f"outbox_p{number}")[0][0])


def rotate(path: EventPath, keep: str = "0 days") -> int:
    """Rotate as a relay does: where somebody has a lock for longer than it waits, it comes again."""
    for _ in range(100):
        try:
            return int(path.query("select rotate_outbox(cast(:keep as interval))", keep=keep)[0][0])
        except DBAPIError as error:
            if "lock timeout" not in str(error):
                raise
    pytest.fail("somebody keeps a lock")


def deliver(path: EventPath, eventually: Eventually) -> None:
    eventually(lambda: path.query("select waiting from event_path_status(10)") == [(0,)])


@pytest.fixture
def relayed(quiet_path: EventPath, eventually: Eventually) -> EventPath:
    """The path with a relay, the next event being one of a partition that has no other.

    The relay has rotated by itself, as it does when it starts, and won't again for ten minutes.
    """
    if not quiet_path.processes:
        number = go_on_by(quiet_path, 3)
        quiet_path.start("relay")
        eventually(lambda: exists(quiet_path, number + 2))
    go_on_by(quiet_path, 1)
    rotate(quiet_path, "7 days")
    return quiet_path


def test_two_partitions_are_ready_for_what_comes(relayed: EventPath) -> None:
    number = go_on_by(relayed, 1)
    rotate(relayed, "7 days")
    [event_id] = relayed.emit("agt_1")
    assert partition_of(relayed, event_id) == f"outbox_p{number}"
    assert [exists(relayed, number + ahead) for ahead in (1, 2, 3)] == [True, True, False]


def test_what_is_delivered_and_old_goes_and_what_is_young_stays(relayed: EventPath, eventually: Eventually) -> None:
    number = newest(relayed)
    relayed.emit("agt_2")
    go_on_by(relayed, 1)
    deliver(relayed, eventually)
    assert rotate(relayed, "1 day") == 0
    assert rotate(relayed) >= 1
    assert not exists(relayed, number)


def test_what_is_not_delivered_stays_however_old(relayed: EventPath, eventually: Eventually) -> None:
    deliver(relayed, eventually)
    relayed.stop()
    number = newest(relayed)
    [event_id] = relayed.emit("agt_3")
    go_on_by(relayed, 1)
    rotate(relayed)
    assert partition_of(relayed, event_id) == f"outbox_p{number}"


def test_a_rush_beyond_the_partitions_is_kept_and_later_ones_have_theirs(
    relayed: EventPath, eventually: Eventually
) -> None:
    number = go_on_by(relayed, 5)
    [event_id] = relayed.emit("agt_rush")
    assert partition_of(relayed, event_id) == "outbox_default"
    rotate(relayed, "7 days")
    go_on_by(relayed, 1)
    [later] = relayed.emit("agt_later")
    assert partition_of(relayed, later) == f"outbox_p{number + 1}"
    deliver(relayed, eventually)
    rotate(relayed)
    assert relayed.query("select count(*), pg_relation_size('outbox_default') from outbox_default") == [(0, 0)]


def test_the_doctor_tells_where_no_partition_is_ready(relayed: EventPath) -> None:
    problem = ("shared_psql", "no partition of the outbox is ready for what comes", checks.ROTATE)
    rotate(relayed)
    assert problem not in list(checks.found())
    go_on_by(relayed, 2)
    relayed.emit("agt_4")
    assert problem in list(checks.found())
    rotate(relayed)
    assert problem not in list(checks.found())


def test_a_relay_rotates_by_itself_and_keeps_what_the_setting_says(relayed: EventPath, eventually: Eventually) -> None:
    number = newest(relayed)
    relayed.emit("agt_5")
    deliver(relayed, eventually)
    relayed.stop()
    go_on_by(relayed, 1)
    relayed.start("relay", OUTBOX_RETENTION_DAYS="0")
    eventually(lambda: not exists(relayed, number))
    assert "delivered and older than 0.0 days" in relayed.log("relay")
    relayed.stop()


def test_a_body_is_kept_for_what_is_stuck(relayed: EventPath) -> None:
    relayed.query("""insert into outbox_bodies (source, id, data, created)
                     select source, 'evt_1', '{}', now() - interval '40 days'
                     from unnest(array['/botberi/shared_psql', '/example/crm', '/example/dead']) as source""")
    relayed.query("""insert into dead_letters
                       (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
                     values ('ded_1', 'q', 'evt_1', '/example/dead', 't', 's', 'refused', '', 1, '{}')""")
    relayed.query("""insert into parked_events (seq, id, type, subject, reason, detail, record)
                     values (1, 'evt_1', 't', 's', 'unroutable', '', '{}')""")
    kept = "select source from outbox_bodies where id = 'evt_1' order by source"
    rotate(relayed, "11 days")
    assert len(relayed.query(kept)) == 3
    rotate(relayed, "7 days")
    assert relayed.query(kept) == [("/botberi/shared_psql",), ("/example/dead",)]
    relayed.query("update parked_events set resolution = 'discarded' where seq = 1")
    relayed.query("update dead_letters set resolution = 'discarded' where id = 'ded_1'")
    rotate(relayed, "7 days")
    assert relayed.query(kept) == []
