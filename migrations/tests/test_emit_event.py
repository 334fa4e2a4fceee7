"""The function that emits events: which role may emit what, large bodies, and the locks that keep order."""

import json
import threading
from typing import Any, Final

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from events.catalog.accounts import SessionRevoked
from events.catalog.agents import AgentCreated
from events.catalog.instances import InstanceStatusChanged
from events.catalog.load import load
from events.catalog.systems import NoticePosted
from events.event import Event
from migrations.databases import connect
from testing.environment import Environment

ROLES: Final = ("user", "admin", "broker", "subscribers", "worker", "relay")

EMIT: Final = "select emit_event(type => :type, subject => :subject, data => cast(:data as jsonb){more})"


def emit(db: Connection, event_type: str, subject: str = "s", data: str = "{}", **more: str) -> str:
    """Emit an event by the function alone; return its id."""
    sql = EMIT.format(more="".join(f", {name} => :{name}" for name in more))
    return str(db.scalar(text(sql), {"type": event_type, "subject": subject, "data": data, **more}))


def large(size: int) -> str:
    """Return data of more than `size` bytes."""
    return json.dumps({"text": "x" * size})


def may(env: Environment, database: str, role: str, event_type: str, **more: str) -> bool:
    with env.transaction(database, role) as db:
        return _tried(db, event_type, **more)


@pytest.mark.parametrize("database", ["user_psql", "shared_psql"])
def test_each_role_says_the_types_that_name_it_and_no_others(env: Environment, database: str) -> None:
    allowed: set[tuple[str, str]] = set()
    named: set[tuple[str, str]] = set()
    for role in ROLES:
        with connect(database, role).connect() as db:
            for name, model in load().items():
                outside = {"source": "/example/crm"} if model.scope else {}
                allowed |= {(role, name)} if _tried(db, name, **outside) else set()
                named |= {(role, name)} if _is_named(database, role, model) else set()
    assert env.worker
    assert allowed == named


def _tried(db: Connection, event_type: str, **more: str) -> bool:
    """Return whether it is allowed, without leaving a trace."""
    with db.begin_nested() as attempt:
        try:
            emit(db, event_type, **more)
        except ProgrammingError:
            return False
        finally:
            attempt.rollback()
    return True


def _is_named(database: str, role: str, model: type[Event]) -> bool:
    return f"{database}/{role}" in model.produced_by or (role == "relay" and model.scope == "broker")


FORGED: Final[list[tuple[str, str, dict[str, str]]]] = [
    ("admin", AgentCreated.type, {"source": "/example/crm"}),
    ("admin", AgentCreated.type, {"source": "/botberi/user_psql"}),
    ("admin", AgentCreated.type, {"recipient": "botberi.record-audit"}),
    ("admin", AgentCreated.type, {"channel": "orders"}),
    ("admin", AgentCreated.type, {"actor": "relay"}),
    ("worker", InstanceStatusChanged.type, {"actor": "notify"}),
    ("worker", "com.botberi.thing.unheard_of.v1", {"source": "/botberi/shared_psql"}),
    ("broker", NoticePosted.type, {}),
    ("broker", NoticePosted.type, {"source": "/botberi/shared_psql"}),
    ("broker", NoticePosted.type, {"source": "//Botberi/shared_psql"}),
    ("broker", NoticePosted.type, {"source": "/example/crm", "recipient": "botberi.record-audit"}),
    ("broker", NoticePosted.type, {"source": "/example/crm", "recipient": "botberi.record-audit", "channel": "orders"}),
    ("broker", SessionRevoked.type, {"source": "/example/crm"}),
    ("relay", AgentCreated.type, {}),
    ("relay", NoticePosted.type, {"source": "/notify/shared_psql", "actor": "usr_1"}),
]


@pytest.mark.parametrize(("role", "event_type", "more"), FORGED)
def test_a_role_can_not_speak_for_another(env: Environment, role: str, event_type: str, more: dict[str, str]) -> None:
    assert not may(env, "shared_psql", role, event_type, **more)


def test_what_each_role_has_to_say_it_may_say(env: Environment) -> None:
    addressed = {"source": "/example/crm", "channel": "orders", "recipient": "botberi.notify.shared_psql"}
    assert may(env, "shared_psql", "broker", NoticePosted.type, **addressed)
    assert may(env, "shared_psql", "broker", NoticePosted.type, source="/example/crm", actor="pub_1")
    assert may(env, "shared_psql", "relay", NoticePosted.type, source="/notify/shared_psql", actor="notify")
    assert may(env, "user_psql", "user", SessionRevoked.type, actor="usr_1")


def body(env: Environment, source: str, event_id: str) -> Any:
    with env.transaction("shared_psql", "subscribers") as db:
        found = db.scalar(text("select event_body(:source, :id)"), {"source": source, "id": event_id})
    return json.loads(found) if found else None


def test_large_events_of_two_sources_may_have_one_id(env: Environment) -> None:
    for source, size in (("/example/a", 70_000), ("/example/b", 80_000)):
        with env.transaction("shared_psql", "broker") as db:
            emit(db, NoticePosted.type, data=large(size), source=source, id="large 1")
    sizes = [len(body(env, f"/example/{each}", "large 1")["text"]) for each in "ab"]
    assert sizes == [70_000, 80_000]


def test_a_large_event_that_comes_again_is_no_error(env: Environment) -> None:
    with env.transaction("shared_psql", "admin") as db:
        for _ in range(2):
            emit(db, AgentCreated.type, data=large(70_000), id="large-2")
    assert len(body(env, "/botberi/shared_psql", "large-2")["text"]) == 70_000


def test_who_takes_the_turn_of_a_subject_emits_in_the_order_of_commits(env: Environment) -> None:
    take = text("select lock_subjects(array['in-order'])")
    with connect("shared_psql", "admin").connect() as first, connect("shared_psql", "admin").connect() as second:
        first.execute(take)
        ids = [emit(first, AgentCreated.type, "in-order")]

        def speak() -> None:
            second.execute(take)
            ids.append(emit(second, AgentCreated.type, "in-order"))

        late = threading.Thread(target=speak)
        late.start()
        waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        with connect("shared_psql", "migrator").connect() as watcher:
            while watcher.scalar(waiting) == 0:
                assert late.is_alive()
                watcher.rollback()
        first.commit()
        late.join(timeout=30)
        second.commit()
    with env.transaction("shared_psql", "relay") as db:
        assert list(db.scalars(text("select id from outbox where subject = 'in-order' order by seq"))) == ids


def test_turns_of_several_subjects_are_taken_in_one_order(env: Environment) -> None:
    def take(subjects: list[str], barrier: threading.Barrier) -> None:
        for _ in range(20):
            barrier.wait(300)
            with env.transaction("shared_psql", "admin") as db:
                db.execute(text("select lock_subjects(:subjects)"), {"subjects": subjects})
            done.append(1)

    done: list[int] = []
    subjects = [f"turn-{number}" for number in range(50)]
    barrier = threading.Barrier(2)
    writers = [threading.Thread(target=take, args=(each, barrier)) for each in (subjects, subjects[::-1])]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=300)
    assert len(done) == 40


def test_the_last_number_is_that_of_the_event_just_emitted(env: Environment) -> None:
    with env.transaction("shared_psql", "worker") as db:
        event_id = emit(db, InstanceStatusChanged.type)
        number = db.scalar(text("select last_sequence()"))
    with env.transaction("shared_psql", "relay") as db:
        assert db.scalar(text("select seq from outbox where id = :id"), {"id": event_id}) == number
