"""One gateway with a real RabbitMQ and Postgres: who is let in, and who receives what."""

from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from functions.services.realtime.protocol import MAX_MESSAGE, PATH
from functions.services.realtime.tests.conftest import Gateway
from functions.services.realtime.tests.tabs import Tab, connection, token

Eventually = Callable[..., Any]


def test_ones_own_events_arrive_as_they_were_published(gateway: Gateway) -> None:
    with gateway.tab(token()) as tab:
        event = tab.event(gateway.happen())
        assert (event["specversion"], event["subject"], event["data"]["status"]) == ("1.0", "ins_1", "running")


def test_somebody_elses_events_never_do(gateway: Gateway) -> None:
    with gateway.tab(token("usr_ada")) as ada, gateway.tab(token("usr_bob")) as bob:
        for_bob, for_ada = gateway.happen("usr_bob"), gateway.happen("usr_ada")
        assert ada.event(for_ada)
        assert bob.event(for_bob)
        assert [each["id"] for each in ada.events] == [for_ada]


def test_every_tab_of_an_account_receives_the_same(gateway: Gateway) -> None:
    with gateway.tab(token()) as one, gateway.tab(token(session="ses_phone")) as other:
        happened = gateway.happen()
        assert one.event(happened) == other.event(happened)


def test_what_was_subscribed_to_is_all_that_comes(gateway: Gateway) -> None:
    with gateway.tab(token()) as tab:
        asked = {"types": [], "subjects": ["ins_2"], "all": False}
        assert tab.subscribe(subjects=["ins_2"]) == asked | {"sequence": tab.ready["sequence"]}
        gateway.happen(subject="ins_1")
        assert tab.event(gateway.happen(subject="ins_2"))
        tab.subscribe(types=["com.botberi.instance.changed.v1"])
        gateway.happen()
        changed = {"type": "com.botberi.instance.changed.v1"}
        assert tab.event(gateway.happen(subject="ins_3", **changed))
        tab.subscribe()
        assert tab.event(gateway.happen(subject="ins_4"))
        assert [each["subject"] for each in tab.events] == ["ins_2", "ins_3", "ins_4"]


def test_an_administrator_may_receive_everything(gateway: Gateway) -> None:
    with gateway.tab(token("usr_root", scopes=("user", "admin"))) as tab:
        assert tab.subscribe(all=True)["all"] is True
        assert tab.event(gateway.publish("usr_bob"))
        agent = {"agent_id": "agt_1", "slug": "x"}
        assert tab.event(gateway.publish(type="com.botberi.agent.created.v1", subject="agt_1", data=agent))
        mine = gateway.publish("usr_root")
        assert tab.event(gateway.publish("usr_bob"))
        assert tab.event(gateway.happen("usr_root", id=mine))["data"]["owner_id"] == "usr_root"
        tab.subscribe()
        gateway.publish("usr_bob")
        assert tab.event(gateway.happen("usr_root"))
        assert tab.numbers == [None, None, None, 1, 2]


def test_an_administrator_without_a_second_factor_may_not(gateway: Gateway) -> None:
    with gateway.tab(token("usr_root", scopes=("user", "admin"), aal=1)) as tab:
        tab.say({"subscribe": {"all": True}})
        assert tab.end() == (4403, "insufficient_aal")


@pytest.mark.parametrize(
    ("message", "close_error"),
    [
        ({"subscribe": {"all": True}}, (4403, "forbidden")),
        ({"subscribe": {"types": ["com.botberi.nothing.happened.v1"]}}, (4400, "event_type_unknown: com.botberi.noth")),
        ({"authenticate": {"token": "x"}}, (4401, "unauthenticated")),
        ({"nonsense": 1}, (4400, "malformed: nonsense")),
        ({"subscribe": {"types": ["x" * MAX_MESSAGE]}}, (1009, "")),
    ],
)
def test_what_may_not_be_said_ends_the_connection(
    gateway: Gateway, message: object, close_error: tuple[int, str]
) -> None:
    with gateway.tab(token()) as tab:
        tab.say(message)
        code, reason = tab.end()
        assert code == close_error[0]
        assert reason.startswith(close_error[1])


@pytest.mark.parametrize(
    ("first", "close_error"),
    [
        ('{"subscribe": {}}', (4401, "authenticate_first")),
        ("not JSON", (4400, "malformed")),
        (b"\x00\xff\xfe", (1003, "binary")),
        ('{"authenticate": {"token": "eyJhbGciOiJub25lIn0.e30."}}', (4401, "unauthenticated")),
    ],
)
def test_nobody_gets_in_without_a_good_token(
    gateway: Gateway, first: str | bytes, close_error: tuple[int, str]
) -> None:
    with gateway.tab() as tab:
        tab.socket.send(first)
        assert tab.end() == close_error


def test_whoever_says_nothing_is_sent_away(gateway: Gateway) -> None:
    with gateway.tab() as tab:
        assert tab.end() == (4408, "authenticate_first")


def test_an_account_without_the_scope_is_refused(gateway: Gateway) -> None:
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": token(scopes=("broker",))}})
        assert tab.end() == (4403, "forbidden")


@pytest.mark.parametrize("tell", [Gateway.revoke, Gateway.end_session], ids=["database", "event"])
def test_a_session_that_ends_ends_its_connections_and_no_others(
    gateway: Gateway, tell: Callable[[Gateway, str], None], request: pytest.FixtureRequest
) -> None:
    session = f"ses_{request.node.callspec.id}"
    with gateway.tab(token(session=session)) as ended, gateway.tab(token(session="ses_other")) as other:
        tell(gateway, session)
        assert ended.end() == (4401, "session_revoked")
        assert other.event(gateway.happen())


def test_a_session_that_has_ended_opens_nothing(gateway: Gateway) -> None:
    gateway.revoke("ses_before")
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": token(session="ses_before")}})
        assert tab.end() == (4401, "session_revoked")


def test_a_new_token_keeps_the_connection_though_the_old_session_ends(gateway: Gateway) -> None:
    with gateway.tab(token(session="ses_old")) as tab:
        assert tab.authenticate(token(session="ses_new"))["account_id"] == "usr_ada"
        gateway.revoke("ses_old")
        gateway.end_session("ses_old")
        assert tab.event(gateway.happen())


def test_a_token_of_somebody_else_ends_it(gateway: Gateway) -> None:
    with gateway.tab(token("usr_ada")) as tab:
        tab.say({"authenticate": {"token": token("usr_bob")}})
        assert tab.end() == (4403, "another_account")


def test_an_account_has_ten_connections_at_most(gateway: Gateway, eventually: Eventually) -> None:
    tabs = [gateway.tab(token("usr_tabs")) for _ in range(10)]
    with gateway.tab() as eleventh:
        eleventh.say({"authenticate": {"token": token("usr_tabs")}})
        assert eleventh.end() == (4429, "too_many_connections")
    tabs.pop().close()
    eventually(lambda: _gets_in(gateway, "usr_tabs"))
    for tab in tabs:
        tab.close()


def _gets_in(gateway: Gateway, account: str) -> bool:
    with gateway.tab(token(account)) as tab:
        return bool(tab.ready)


def test_whoever_keeps_subscribing_is_sent_away(gateway: Gateway) -> None:
    with gateway.tab(token()) as tab:
        with suppress(ConnectionClosed):
            for _ in range(100):
                tab.say({"subscribe": {}})
        assert tab.end() == (4429, "too_many_messages")


@pytest.mark.parametrize("path", ["/", f"{PATH}?token=x", f"{PATH}/", "/metrics"])
def test_there_is_nothing_at_other_addresses(gateway: Gateway, path: str) -> None:
    with pytest.raises(InvalidStatus, match="404"), connection(gateway.port, path):
        pass


def test_another_protocol_is_not_spoken(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus, match="400"), connection(gateway.port, protocol="botberi.realtime.v2"):
        pass


def test_no_token_and_no_event_is_in_the_log(gateway: Gateway) -> None:
    secret = token("usr_secret")
    with gateway.tab(secret) as tab:
        assert tab.event(gateway.happen("usr_secret", subject="ins_secret"))
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": [secret]}})
        tab.end()
    assert secret not in gateway.log()
    assert "ins_secret" not in gateway.log()


def test_it_counts_what_it_does(gateway: Gateway, eventually: Eventually) -> None:
    before = gateway.figure("botberi_gateway_sent_total")
    with gateway.tab(token()) as tab:
        assert tab.event(gateway.happen())
        eventually(lambda: gateway.figure("botberi_gateway_listeners") == 1)
    eventually(lambda: gateway.figure("botberi_gateway_connections") == 0)
    assert gateway.figure("botberi_gateway_sent_total") == before + 2
    assert gateway.monitored("/_/ready") == (200, "ok\n")


def test_a_tab_that_is_closed_is_forgotten(gateway: Gateway, eventually: Eventually) -> None:
    with Tab(gateway.port, token()) as tab:
        tab.socket.socket.shutdown(SHUT_RDWR)
        eventually(lambda: gateway.figure("botberi_gateway_listeners") == 0)
