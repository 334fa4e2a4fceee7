"""Transactions of every shape: what is committed is delivered in its order, and what is not never is."""

from collections.abc import Callable
from typing import Any

from events.catalog.agents import AgentCreated
from events.outbox import emit
from migrations.databases import connect
from tools.harness.path import RECEIVE_ALL, EventPath

Eventually = Callable[..., Any]

RECEIVED = RECEIVE_ALL.function


def test_a_subtransaction_that_is_rolled_back_is_never_received(path: EventPath, eventually: Eventually) -> None:
    with connect("shared_psql", "admin").begin() as db:
        first = emit(db, AgentCreated(agent_id="agt_1", slug="first"))
        with db.begin_nested() as nested:
            emit(db, AgentCreated(agent_id="agt_1", slug="never"))
            nested.rollback()
        with db.begin_nested():
            second = emit(db, AgentCreated(agent_id="agt_1", slug="second"))
        third = emit(db, AgentCreated(agent_id="agt_1", slug="third"))
    eventually(lambda: path.recorder.received(RECEIVED, [third]))
    assert [event["id"] for event in path.recorder.handled[RECEIVED]] == [first, second, third]


def test_transactions_that_commit_in_another_order_than_they_began_are_all_received(
    path: EventPath, eventually: Eventually
) -> None:
    connections = [connect("shared_psql", "admin").connect() for _ in range(5)]
    ids = [emit(each, AgentCreated(agent_id=f"agt_{n}", slug="s")) for n, each in enumerate(connections)]
    for number in (3, 1, 4, 0, 2):
        connections[number].commit()
        connections[number].close()
        eventually(lambda each=ids[number]: path.recorder.received(RECEIVED, [each]))
    assert path.recorder.received(RECEIVED, ids) == [ids[number] for number in (3, 1, 4, 0, 2)]


def test_a_transaction_of_many_rows_lets_others_pass(path: EventPath, eventually: Eventually) -> None:
    with path.held_open() as many:
        many.run("""select count(emit_event('com.botberi.agent.created.v1', 'agt_many',
            jsonb_build_object('agent_id', 'agt_many', 'slug', 'n' || n))) from generate_series(1, 5000) n""")
        others = path.emit("agt_1", "agt_2")
        eventually(lambda: len(path.recorder.received(RECEIVED, others)) == 2)
        assert "agt_many" not in path.recorder.subjects(RECEIVED)
        many.run("commit")
    eventually(lambda: path.recorder.subjects(RECEIVED).count("agt_many") == 5000)
