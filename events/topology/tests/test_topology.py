"""The topology follows the subscriptions, whatever was there before, and loses nothing on the way."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest

from events.broker import bus, management
from events.catalog.accounts import AccountRegistered
from events.catalog.agents import AgentCreated
from events.subscriptions import Subscription
from tools.harness.path import EventPath

Eventually = Callable[..., Any]

MOVED = Subscription("moved", "botberi.moved", (AgentCreated.type,), 2, 4, 8, 0.02, 0.2)
RECEIVED = MOVED.function


@pytest.fixture
def topology(quiet_path: EventPath) -> Iterator[EventPath]:
    quiet_path.stop()
    with quiet_path.broker() as connection:
        for name in management.look().queues:
            connection.channel().queue_delete(name)
    yield quiet_path
    quiet_path.stop()


def say(path: EventPath, *wanted: Subscription) -> None:
    path.folder.mkdir(parents=True, exist_ok=True)
    (path.folder / "subscriptions.json").write_text(json.dumps([asdict(each) for each in wanted]))


def lines(path: EventPath, *arguments: str) -> list[str]:
    return path.declare(*arguments, check=False).stdout.splitlines()


def old_queue(path: EventPath) -> None:
    """Let the subscription have a queue of an older release, without a limit or a single active consumer."""
    path.subscribe(MOVED)
    with path.broker() as connection:
        channel = connection.channel()
        channel.queue_delete(MOVED.queue)
        channel.queue_declare(MOVED.queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(MOVED.queue, bus.EXCHANGE, AgentCreated.type)


def slugs(path: EventPath) -> list[str]:
    """Return what was handled, each at its first time."""
    return list(dict.fromkeys(each["data"]["slug"] for each in path.recorder.handled[RECEIVED]))


def test_it_says_what_it_would_do_then_does_it_and_then_there_is_nothing_to_do(topology: EventPath) -> None:
    say(topology, MOVED)
    would = topology.declare("--check", check=False)
    assert would.returncode == 1
    assert f"create the queue {MOVED.queue}" in would.stdout
    assert f"bind {MOVED.queue} to {AgentCreated.type} of {bus.EXCHANGE}" in would.stdout
    assert lines(topology) == would.stdout.splitlines()
    assert lines(topology) == ["everything is as it should be"]
    assert topology.declare("--check", check=False).returncode == 0


def test_a_type_that_is_received_no_more_is_unbound(topology: EventPath) -> None:
    topology.subscribe(replace(MOVED, types=(AgentCreated.type, AccountRegistered.type)))
    say(topology, MOVED)
    assert lines(topology) == [f"unbind {MOVED.queue} from {AccountRegistered.type} of {bus.EXCHANGE}"]
    assert (bus.EXCHANGE, MOVED.queue, AccountRegistered.type) not in management.look().bindings
    assert (bus.EXCHANGE, MOVED.queue, AgentCreated.type) in management.look().bindings


def test_queues_of_subscriptions_that_are_gone_go_when_they_are_empty_and_that_is_asked_for(
    topology: EventPath, eventually: Eventually
) -> None:
    topology.subscribe(MOVED, replace(MOVED, queue="botberi.empty"))
    with topology.broker() as connection:
        connection.channel().basic_publish("", MOVED.queue, b"{}")
    eventually(lambda: topology.depth(MOVED.queue) == 1)
    say(topology)
    assert [each.split()[0] for each in lines(topology)] == ["botberi.empty", MOVED.queue]
    lines(topology, "--delete-gone")
    queues = management.look().queues
    assert "botberi.empty" not in queues
    assert bus.dead("botberi.empty") not in queues
    assert topology.depth(MOVED.queue) == 1
    assert not any(queue == MOVED.queue for _, queue, _ in management.look().bindings)


def test_a_queue_with_other_arguments_is_left_alone_and_the_remedy_is_told(topology: EventPath) -> None:
    old_queue(topology)
    refused = topology.declare(check=False)
    assert refused.returncode == 1
    assert "exists with other arguments" in refused.stderr
    assert "--redeclare" in refused.stderr
    assert not management.look().queues[MOVED.queue].arguments.get("x-single-active-consumer")


def test_a_queue_that_was_drained_is_made_anew_on_demand_and_nothing_is_lost(
    topology: EventPath, eventually: Eventually
) -> None:
    old_queue(topology)
    topology.start("relay")
    topology.start("dispatcher")
    topology.emit(*["agt_1"] * 500)
    eventually(lambda: len(slugs(topology)) == 500)
    topology.kill("relay", signal.SIGTERM)
    topology.emit(*["agt_1"] * 100, start=500)
    eventually(lambda: topology.depth(MOVED.queue) == 0)
    topology.kill("dispatcher", signal.SIGTERM)
    assert f"make the queue {MOVED.queue} anew, which has other arguments" in lines(topology, "--redeclare")
    assert management.look().queues[MOVED.queue].arguments["x-single-active-consumer"]
    topology.start("relay")
    topology.start("dispatcher")
    eventually(lambda: len(slugs(topology)) == 600)
    assert slugs(topology) == [f"n{number}" for number in range(600)]
    assert lines(topology) == ["everything is as it should be"]


def test_a_queue_that_is_in_use_or_holds_something_is_not_made_anew(
    topology: EventPath, eventually: Eventually
) -> None:
    old_queue(topology)
    with topology.broker() as connection:
        channel = connection.channel()
        channel.basic_consume(MOVED.queue, lambda *_: None)
        refused = topology.declare("--redeclare", check=False)
        assert refused.returncode == 1
        assert f"{MOVED.queue} holds 0 messages and has 1 consumers: nothing was changed in it" in refused.stderr
        channel.close()
        connection.channel().basic_publish("", MOVED.queue, b"{}")
    eventually(lambda: topology.depth(MOVED.queue) == 1)
    assert "holds 1 messages" in topology.declare("--redeclare", check=False).stderr
    assert not management.look().queues[MOVED.queue].arguments.get("x-single-active-consumer")


def make_anew(path: EventPath, kind: str | None) -> None:
    """Delete the exchange, and make it anew if a kind is given."""
    with path.broker() as connection:
        connection.channel().exchange_delete(bus.EXCHANGE)
        if kind:
            connection.channel().exchange_declare(bus.EXCHANGE, kind, durable=True)


def test_an_exchange_of_another_kind_is_left_alone_and_the_remedy_is_told(topology: EventPath) -> None:
    say(topology, MOVED)
    make_anew(topology, "fanout")
    try:
        assert f"make the exchange {bus.EXCHANGE} anew, which is of another kind" in lines(topology, "--check")
        refused = topology.declare(check=False)
    finally:
        make_anew(topology, None)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"the exchange {bus.EXCHANGE} exists as another kind (PRECONDITION_FAILED")
    assert lines(topology)[0] == f"create the exchange {bus.EXCHANGE}"


def test_without_the_management_interface_it_makes_what_it_can(topology: EventPath) -> None:
    say(topology, MOVED)
    nowhere = {"EVENT_BUS_MANAGEMENT_URL": "http://127.0.0.1:9"}
    made = topology.declare(check=True, **nowhere)
    assert "what exists is not compared" in made.stdout + made.stderr
    assert (bus.EXCHANGE, MOVED.queue, AgentCreated.type) in management.look().bindings
    assert "can't be reached" in topology.declare("--check", check=False, **nowhere).stderr
