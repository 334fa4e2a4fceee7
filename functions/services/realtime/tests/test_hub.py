import asyncio
import json
from typing import Any

import pytest

from events.broker import feed
from functions.services.gateway import Gateway
from functions.services.realtime.account_events import News
from functions.services.realtime.hub import PER_ACCOUNT, Hub, Source
from functions.services.realtime.metrics import GatewayMetrics
from functions.services.realtime.protocol import CloseError
from functions.services.realtime.received_event import ReceivedEvent, parse


class Ear:
    """A listener that wants everything."""

    def __init__(self, hub: Hub, account_id: str = "usr_ada", credential_id: str = "ses_1") -> None:
        self.account_id = account_id
        self.credential_id = credential_id
        self.signed_by: str | None = "key"
        self.offered: list[Any] = []
        self.close_error: CloseError | None = None
        hub.join(self)

    @property
    def place(self) -> int | None:
        return None

    def wants(self, event_type: str, subject: str) -> bool:
        return bool(event_type and subject)

    def follow(self, news: News) -> bool:
        return bool(news.events)

    def beat(self, *, live: bool) -> None:
        self.offered.append({"heartbeat": live})

    def offer(self, body: bytes) -> None:
        self.offered.append(json.loads(body))

    def end(self, close_error: CloseError) -> None:
        self.close_error = close_error


@pytest.fixture
def hub() -> Hub:
    hub = Hub(GatewayMetrics())
    for source in Source:
        hub.go_live(source)
    return hub


def event(owner: str | None = "usr_ada", event_id: str = "evt_1", session: str | None = None) -> ReceivedEvent:
    return ReceivedEvent("t", "s", owner, session, b'{"id": "%s"}' % event_id.encode())


def others(event_id: str) -> dict[str, Any]:
    return {"event": {"sequence": None, "cloudevent": {"id": event_id}}}


def test_events_of_nobody_reach_administrators_alone(hub: Hub) -> None:
    attended: list[bool] = []
    hub.attend = attended.append
    own, monitoring = Ear(hub), Ear(hub, "usr_root", "ses_2")
    hub.receive_all(monitoring, wanted=True)
    hub.receive(event(owner=None))
    hub.receive_all(monitoring, wanted=False)
    hub.receive(event(owner=None))
    assert (own.offered, monitoring.offered) == ([], [others("evt_1")])
    assert attended == [True, False]


def test_what_is_an_administrator_s_own_does_not_come_without_its_number(hub: Hub) -> None:
    ear = Ear(hub)
    hub.receive_all(ear, wanted=True)
    hub.receive(event())
    hub.receive(event("usr_bob", "evt_2"))
    assert ear.offered == [others("evt_2")]


def test_whoever_has_left_receives_nothing_and_makes_room(hub: Hub) -> None:
    ears = [Ear(hub) for _ in range(PER_ACCOUNT)]
    with pytest.raises(CloseError, match="4429 too_many_connections"):
        Ear(hub)
    hub.leave(ears[0])
    last = Ear(hub)
    assert set(hub.followers("usr_ada")) == {*ears[1:], last}
    assert hub.metrics.listeners == PER_ACCOUNT


def test_everybody_who_left_leaves_nothing_behind(hub: Hub) -> None:
    ear = Ear(hub)
    hub.change_credential(ear, "ses_2")
    assert hub.credentials() == ["ses_2"]
    hub.leave(ear)
    assert not [*hub.credentials(), *hub.feeds(), *hub.followers("usr_ada")]
    hub.end_credentials({"ses_1", "ses_2"})
    assert ear.close_error is None


def test_everybody_is_told_once_that_events_do_not_arrive_and_once_that_they_do(hub: Hub) -> None:
    ear = Ear(hub)
    for source in (Source.SHARED_PSQL, Source.EVENT_BUS, Source.SHARED_PSQL):
        hub.interrupt(source)
    hub.beat()
    for source in (Source.EVENT_BUS, Source.SHARED_PSQL, Source.SHARED_PSQL):
        hub.go_live(source)
    hub.beat()
    assert [next(iter(each)) for each in ear.offered] == ["stale", "heartbeat", "resumed", "heartbeat"]
    assert [each["heartbeat"] for each in ear.offered if "heartbeat" in each] == [False, True]


def test_a_session_that_ends_ends_its_connections(hub: Hub) -> None:
    ended, other = Ear(hub), Ear(hub, credential_id="ses_2")
    hub.receive(event(session="ses_1"))
    assert (str(ended.close_error), other.close_error) == ("4401 session_revoked", None)


def test_a_queue_that_was_half_full_may_have_overflowed() -> None:
    async def flooded() -> list[Any]:
        gateway = Gateway(1)
        ear, own = Ear(gateway.hub), Ear(gateway.hub)
        gateway.hub.receive_all(ear, wanted=True)
        for waiting in (0, feed.LENGTH // 2, feed.LENGTH, 3):
            gateway._see_depth(waiting)
        return ear.offered + own.offered

    assert asyncio.run(flooded()) == [{"missed": {"reason": "overflowed", "sequence": None}}]


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
