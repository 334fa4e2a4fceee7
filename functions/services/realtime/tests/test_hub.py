import asyncio
import json
from typing import Any

import pytest

from events.broker import feed
from functions.services.gateway import Gateway
from functions.services.realtime import protocol
from functions.services.realtime.hub import PER_ACCOUNT, Hub
from functions.services.realtime.metrics import GatewayMetrics
from functions.services.realtime.protocol import CloseError
from functions.services.realtime.received_event import ReceivedEvent, parse


class Ear:
    """A listener that wants everything."""

    def __init__(self, hub: Hub, account_id: str = "usr_ada", session_id: str = "ses_1") -> None:
        self.account_id = account_id
        self.session_id = session_id
        self.key_id = "key"
        self.offered: list[Any] = []
        self.close_error: CloseError | None = None
        hub.join(self)

    def wants(self, event: ReceivedEvent) -> bool:
        return bool(event.id)

    def offer(self, body: bytes) -> None:
        self.offered.append(json.loads(body))

    def end(self, close_error: CloseError) -> None:
        self.close_error = close_error


@pytest.fixture
def hub() -> Hub:
    hub = Hub(GatewayMetrics())
    hub.go_live()
    return hub


def event(owner: str | None = "usr_ada", event_id: str = "evt_1") -> ReceivedEvent:
    return ReceivedEvent(event_id, "/botberi/shared_psql", "t", "s", owner, None, b'{"id": "%s"}' % event_id.encode())


def test_events_of_nobody_reach_administrators_alone(hub: Hub) -> None:
    attended: list[bool] = []
    hub.attend = attended.append
    own, monitoring = Ear(hub), Ear(hub, "usr_root", "ses_2")
    hub.receive_all(monitoring, wanted=True)
    hub.receive(event(owner=None))
    hub.receive_all(monitoring, wanted=False)
    hub.receive(event(owner=None))
    assert (own.offered, monitoring.offered) == ([], [{"id": "evt_1"}])
    assert attended == [True, False]


def test_an_administrator_receives_its_own_once(hub: Hub) -> None:
    ear = Ear(hub)
    hub.receive_all(ear, wanted=True)
    hub.receive(event())
    assert ear.offered == [{"id": "evt_1"}]


def test_whoever_has_left_receives_nothing_and_makes_room(hub: Hub) -> None:
    ears = [Ear(hub) for _ in range(PER_ACCOUNT)]
    with pytest.raises(CloseError, match="4429 too_many_connections"):
        Ear(hub)
    hub.leave(ears[0])
    Ear(hub)
    hub.receive(event())
    assert (ears[0].offered, hub.metrics.listeners) == ([], PER_ACCOUNT)


def test_everybody_who_left_leaves_nothing_behind(hub: Hub) -> None:
    ear = Ear(hub)
    hub.change_session(ear, "ses_2")
    assert hub.sessions() == ["ses_2"]
    hub.leave(ear)
    assert hub.sessions() == []
    hub.end_sessions({"ses_1", "ses_2"})
    assert ear.close_error is None


def test_while_it_is_interrupted_nothing_is_handed_on_and_everybody_is_told(hub: Hub) -> None:
    ear = Ear(hub)
    hub.interrupt()
    hub.interrupt()
    hub.receive(event())
    hub.beat()
    hub.go_live()
    assert [next(iter(each)) for each in ear.offered] == ["stale", "heartbeat", "missed"]
    assert ear.offered[1] == {"heartbeat": {"live": False}}


def test_what_the_client_asked_for_is_all_that_it_is_sent_again(hub: Hub) -> None:
    ear = Ear(hub)
    for event_id in ("evt_1", "evt_2"):
        hub.receive(event(event_id=event_id))
    assert [each.id for each in hub.since(ear, "evt_1") or []] == ["evt_2"]
    hub.interrupt()
    assert hub.since(ear, "evt_1") is None


def test_a_queue_that_was_half_full_may_have_overflowed() -> None:
    async def flooded() -> list[Any]:
        gateway = Gateway(1)
        gateway.hub.go_live()
        ear = Ear(gateway.hub)
        for waiting in (0, feed.LENGTH // 2, feed.LENGTH, 3):
            gateway._see_depth(waiting)
        return ear.offered

    assert asyncio.run(flooded()) == [json.loads(protocol.encode(protocol.Missed(reason="overflowed")))]


@pytest.mark.parametrize(
    ("change", "owner"),
    [
        ({}, "usr_ada"),
        ({"source": "/botberi/user_psql"}, None),
        ({"source": "/Botberi/shared_psql"}, None),
        ({"source": "/botberi"}, None),
        ({"source": "/botberish"}, None),
        ({"data": {}}, None),
        ({"data": {"owner_id": ""}}, None),
        ({"type": "com.botberi.agent.created.v1", "data": {"owner_id": "usr_ada"}}, None),
    ],
)
def test_an_event_tells_whose_it_is(change: dict[str, Any], owner: str | None) -> None:
    said = {
        "specversion": "1.0",
        "id": "evt_1",
        "source": "/botberi/shared_psql",
        "type": "com.botberi.instance.status_changed.v1",
        "subject": "ins_1",
        "time": "2026-01-02T03:04:05Z",
        "data": {"owner_id": "usr_ada"},
    }
    assert parse(json.dumps(said | change).encode()).owner == owner
