"""What a function can't handle, what no queue takes, and what can't be published stop themselves and nobody else."""

import signal
import time
from collections.abc import Callable
from typing import Any

from events.broker import bus
from events.catalog.agents import AgentCreated
from events.relay.publisher import SETTLING
from tools.harness.path import RECEIVE_ALL, RECEIVE_SOME, EventPath
from tools.harness.recorder import Event
from tools.local.wait import until

Eventually = Callable[..., Any]

RECEIVED = RECEIVE_SOME.function


def test_poison_is_a_dead_letter_at_once_and_nothing_else_is_held_up(path: EventPath, eventually: Eventually) -> None:
    path.recorder.answers[RECEIVED] = lambda event: 422 if event["subject"] == "agt_poison" else 200
    [poison] = path.emit("agt_poison")
    fine = path.emit("agt_fine", "agt_poison_not")
    eventually(lambda: path.query("select 1 from dead_letters where event_id = :id", id=poison))
    eventually(lambda: sorted(path.recorder.received(RECEIVED, fine)) == sorted(fine))
    assert "agt_poison" not in path.recorder.subjects(RECEIVED)
    row = path.query("select queue, reason, attempts, subject from dead_letters where event_id = :id", id=poison)
    assert row == [(RECEIVE_SOME.queue, "refused", 1, "agt_poison")]


def test_a_subject_that_is_tried_again_keeps_its_order_and_holds_up_nobody(
    path: EventPath, eventually: Eventually
) -> None:
    api_errors = iter([503, 500, 503])

    def others_are_received() -> bool:
        return path.recorder.subjects(RECEIVED).count("agt_now") == 2

    def answer(event: Event) -> int:
        if event["subject"] == "agt_now":
            return 200
        # It is refused again, however slow the machine is, until the others have come: they don't wait for it.
        return next(api_errors, 0) or (200 if until(others_are_received, seconds=1) else 503)

    path.recorder.answers[RECEIVED] = answer
    later, now, later_again, now_again = ids = path.emit("agt_later", "agt_now", "agt_later", "agt_now")
    eventually(lambda: len(path.recorder.received(RECEIVED, ids)) == 4)
    assert path.recorder.received(RECEIVED, ids) == [now, now_again, later, later_again]


def test_what_fails_again_and_again_is_a_dead_letter_with_its_attempts(path: EventPath, eventually: Eventually) -> None:
    path.recorder.answers[RECEIVED] = lambda _: 503
    [event_id] = path.emit("agt_never")
    [row] = eventually(
        lambda: path.query("select reason, attempts, detail from dead_letters where event_id = :id", id=event_id)
    )
    assert row == ("unavailable", RECEIVE_SOME.attempts, "503")


def test_a_function_that_hangs_is_given_up_and_called_again(path: EventPath, eventually: Eventually) -> None:
    path.recorder.delay = RECEIVE_SOME.timeout_seconds + 0.5
    [event_id] = path.emit("agt_hang")
    called = path.recorder.calls[RECEIVED]
    eventually(lambda: [each["id"] for each in called].count(event_id) == 1)
    path.recorder.delay = 0
    eventually(lambda: [each["id"] for each in called].count(event_id) == 2)
    # Both come to their end, so that nothing of this is received in the next test.
    eventually(lambda: path.recorder.received(RECEIVED, [event_id]) == [event_id] * 2)


def test_functions_that_are_down_get_their_events_when_they_are_back(path: EventPath, eventually: Eventually) -> None:
    path.recorder.stop()
    ids = path.emit("agt_down")
    eventually(lambda: path.depth(RECEIVE_SOME.queue) == 0)
    path.recorder.start()
    eventually(lambda: path.recorder.received(RECEIVED, ids) == ids)


def test_a_redriven_dead_letter_goes_to_its_own_queue_with_its_own_id(path: EventPath, eventually: Eventually) -> None:
    path.recorder.answers[RECEIVED] = lambda _: 422
    [event_id] = path.emit("agt_again")
    [[letter]] = eventually(lambda: path.query("select id from dead_letters where event_id = :id", id=event_id))
    eventually(lambda: path.recorder.handled[RECEIVE_ALL.function])
    path.recorder.forget()
    redrive = "select resolve_dead_letters(array[:letter], 'redriven', 'usr_x')"
    assert path.query(redrive, role="broker", letter=letter) == [(letter,)]
    # Others' events may come again, as those of functions that were down.
    eventually(lambda: path.recorder.received(RECEIVED, [event_id]))
    assert path.recorder.received(RECEIVE_ALL.function, [event_id]) == []
    assert path.query(redrive, role="broker", letter=letter) == []


def test_unknown_types_and_unspeakable_subjects_are_parked_alone(path: EventPath, eventually: Eventually) -> None:
    sql = "select emit_event(:type, :subject, '{}')"
    path.query(sql, type="com.botberi.thing.unheard_of.v1", subject="agt_1")
    path.query(sql, type=AgentCreated.type, subject='a "quote"')
    path.query(sql, type=AgentCreated.type, subject="agt_" + "x" * 5000)
    path.emit("agt_sound")
    eventually(lambda: "agt_sound" in path.recorder.subjects(RECEIVED))
    assert eventually(path.parked) == ["type_unknown", "not_encodable", "too_large"]
    path.resolve_parked("discarded")


def test_what_no_queue_takes_is_parked_and_comes_back_when_redriven(path: EventPath, eventually: Eventually) -> None:
    with path.broker() as connection:
        channel = connection.channel()
        for subscription in (RECEIVE_ALL, RECEIVE_SOME):
            channel.queue_unbind(subscription.queue, "botberi.events", subscription.types[0])
    ids = path.emit("agt_lost", "agt_lost")
    eventually(lambda: path.parked() == ["unroutable"] * 2)
    path.make_topology()
    path.resolve_parked("redriven")
    # A relay that had to connect anew publishes again: what counts is who comes first.
    eventually(lambda: list(dict.fromkeys(path.recorder.received(RECEIVED, ids))) == ids)
    assert path.parked() == []


def test_a_queue_that_was_deleted_is_made_again_and_consumed_again(path: EventPath, eventually: Eventually) -> None:
    # A dispatcher that is starting would find no queue where it should lose one.
    eventually(lambda: path.consumers(RECEIVE_SOME.queue))
    with path.broker() as connection:
        connection.channel().queue_delete(RECEIVE_SOME.queue)
    gone = f"no longer consuming from {RECEIVE_SOME.queue}: ChannelClosedByClient: (0) 'its queue is gone: `botberi"
    eventually(lambda: gone in path.log("dispatcher"))
    path.make_topology()
    ids = path.emit("agt_anew")
    eventually(lambda: path.recorder.received(RECEIVED, ids) == ids)


def test_a_function_that_dies_at_work_is_called_again(path: EventPath, eventually: Eventually) -> None:
    def die_once(_: Event) -> int:
        path.recorder.answers.clear()
        # What the recorder raises ends the connection, with no answer.
        raise ConnectionAbortedError

    path.recorder.answers[RECEIVED] = die_once
    ids = path.emit("agt_1", "agt_1")
    eventually(lambda: path.recorder.received(RECEIVED, ids) == ids)


def test_a_queue_that_was_deleted_gets_what_was_parked_meanwhile(path: EventPath, eventually: Eventually) -> None:
    with path.broker() as connection:
        for subscription in (RECEIVE_ALL, RECEIVE_SOME):
            connection.channel().queue_delete(subscription.queue)
    ids = path.emit("agt_lost", "agt_lost")
    eventually(lambda: path.parked() == ["unroutable"] * 2)
    path.make_topology()
    path.resolve_parked("redriven")
    eventually(lambda: list(dict.fromkeys(path.recorder.received(RECEIVED, ids))) == ids)


def test_without_the_exchange_events_wait_and_nothing_is_parked(path: EventPath, eventually: Eventually) -> None:
    with path.broker() as connection:
        connection.channel().exchange_delete(bus.EXCHANGE)
    ids = path.emit("agt_waits")
    eventually(lambda: "event_bus has no exchange botberi.events; `botberi topology`" in path.log("relay"))
    path.make_topology()
    eventually(lambda: path.recorder.received(RECEIVED, ids) == ids)
    assert path.parked() == []


def test_an_exchange_that_appears_has_time_to_get_its_bindings(path: EventPath, eventually: Eventually) -> None:
    begun = path.log("relay").count("relaying")
    waited = path.log("relay").count("event_bus has no exchange")
    with path.broker() as connection:
        channel = connection.channel()
        channel.exchange_delete(bus.EXCHANGE)
        ids = path.emit("agt_early")
        eventually(lambda: path.log("relay").count("event_bus has no exchange") > waited)
        appeared = time.monotonic()
        channel.exchange_declare(bus.EXCHANGE, "topic", durable=True)
        channel.queue_bind(RECEIVE_SOME.queue, bus.EXCHANGE, AgentCreated.type)
        eventually(lambda: path.log("relay").count("relaying") > begun)
        assert time.monotonic() - appeared >= SETTLING
    path.make_topology()
    eventually(lambda: path.recorder.received(RECEIVED, ids) == ids)


def test_nothing_is_taken_for_a_function_that_is_still_to_come_and_others_get_theirs(
    path: EventPath, eventually: Eventually
) -> None:
    path.recorder.missing.add(RECEIVED)
    path.kill("dispatcher")
    path.start("dispatcher")
    ids = path.emit("agt_early")
    eventually(lambda: path.recorder.received(RECEIVE_ALL.function, ids) == ids)
    eventually(lambda: f"{RECEIVED} can't be called yet, and its events wait: 404" in path.log("dispatcher"))
    assert path.depth(RECEIVE_SOME.queue) == 1
    assert path.recorder.calls[RECEIVED] == []
    path.recorder.missing.clear()
    eventually(lambda: path.recorder.received(RECEIVED, ids) == ids)


def test_an_idle_relay_notices_that_the_exchange_was_made_anew(path: EventPath, eventually: Eventually) -> None:
    path.kill("relay", signal.SIGTERM)
    # When it has noticed it connects again, and dies on the way: no event leaves before the bindings are there.
    begun = path.log("relay").count("relaying")
    relay = path.start("relay", BOTBERI_FAILPOINT="relay.lease:2")
    eventually(lambda: path.log("relay").count("relaying") > begun or not relay.alive)
    assert relay.alive, path.log("relay")[-2000:]
    eventually(path.awake_lock_is_free)
    with path.broker() as connection:
        channel = connection.channel()
        channel.exchange_delete(bus.EXCHANGE)
        channel.exchange_declare(bus.EXCHANGE, "topic", durable=True)
    ids = path.emit("agt_between")
    eventually(lambda: path.parked() or not relay.alive)
    assert path.parked() == []
    path.make_topology()
    path.start("relay")
    eventually(lambda: path.recorder.received(RECEIVED, ids) == ids)
