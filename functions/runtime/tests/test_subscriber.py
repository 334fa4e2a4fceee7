import json
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import text

from functions.runtime import databases
from functions.runtime.tests.planting import Client, Plant
from testing.clients import signed
from testing.environment import Environment

pytestmark = pytest.mark.usefixtures("env")

RECEIVE = """
    @subscriber
    def receive_registration(event: AccountRegistered, db: SharedDb) -> None:
        emit(db, SharedPruningFallenDue(schedule="received " + event.account_id, slot="2026-01-02T03:04:05Z"))
        {end}
"""


RECEIVE_TOGETHER = """
    @subscriber
    def receive_together(events: Sequence[CloudEvent], db: SharedDb) -> None:
        for event in events:
            schedule = "received " + str(event.data["account_id"])
            emit(db, SharedPruningFallenDue(schedule=schedule, slot="2026-01-02T03:04:05Z"))
"""


def event(**changes: Any) -> dict[str, Any]:
    genuine = {
        "specversion": "1.0",
        "id": "evt_" + secrets.token_hex(16),
        "source": "/botberi/user_psql",
        "type": "com.botberi.account.registered.v1",
        "subject": "usr_1",
        "time": "2026-01-02T03:04:05.678Z",
        "datacontenttype": "application/json",
        "data": {"account_id": secrets.token_hex(8)},
    }
    return {name: value for name, value in (genuine | changes).items() if value is not None}


def deliver(client: Client, given: object) -> Any:
    return send(client, json.dumps(given).encode())


def send(client: Client, body: bytes, **changes: str) -> Any:
    """Deliver a body as the dispatcher would to the one function there is, but for `changes` of the headers."""
    [function] = [each.deployment for each in client.host.declarations]
    return client.post("/", data=body, headers=signed(function, body) | changes)


def effects(env: Environment, given: dict[str, Any]) -> int:
    subject = "received " + given["data"]["account_id"]
    with env.transaction("shared_psql", "relay") as db:
        return int(db.scalar(text("select count(*) from outbox where subject = :subject"), {"subject": subject}) or 0)


@pytest.fixture
def receive(plant: Plant) -> Client:
    return plant("subscribers", receive_registration=RECEIVE.format(end=""))


def test_what_the_dispatcher_has_not_signed_for_this_function_is_a_401_and_changes_nothing(
    receive: Client, env: Environment
) -> None:
    given = event()
    body = json.dumps(given).encode()
    bare = receive.post("/", data=body, content_type="application/cloudevents+json")
    other = receive.post("/", data=body, headers=signed("record-audit", body))
    changed = receive.post("/", data=body + b" ", headers=signed("receive-registration", body))
    for answer in (bare, other, changed):
        assert (answer.status_code, answer.mimetype, answer.json["code"]) == (
            *(401, "application/problem+json", "not_signed"),
        )
        assert answer.headers["WWW-Authenticate"]
    assert effects(env, given) == 0


def test_a_second_delivery_changes_nothing(receive: Client, env: Environment) -> None:
    given = event()
    assert [deliver(receive, given).status_code for _ in range(3)] == [200, 200, 200]
    assert effects(env, given) == 1


def test_what_a_newer_producer_says_besides_is_ignored(receive: Client, env: Environment) -> None:
    given = event()
    given["data"]["more"] = {"a": [1]}
    assert deliver(receive, given | {"later": "attribute"}).status_code == 200
    assert effects(env, given) == 1


def test_two_deliveries_at_once_change_it_once(receive: Client, env: Environment) -> None:
    given = event()
    with ThreadPoolExecutor(3) as senders:
        answers = list(senders.map(lambda _: deliver(receive, given).status_code, range(3)))
    assert answers == [200, 200, 200]
    assert effects(env, given) == 1


@pytest.mark.parametrize(
    "source",
    ["/example/crm", "/botberi/shared_psql", "/Botberi/user_psql", "//botberi/user_psql", "/botberi/user_psql/x"],
)
def test_what_botberi_says_is_believed_from_nobody_else(receive: Client, env: Environment, source: str) -> None:
    given = event()
    answer = deliver(receive, given | {"source": source})
    assert (answer.status_code, answer.json["code"]) == (422, "event_source_unexpected")
    assert effects(env, given) == 0


def test_an_event_whose_attributes_are_headers_is_none_since_they_are_not_signed(
    receive: Client, env: Environment
) -> None:
    given = event()
    headers = {f"ce-{name}": value for name, value in given.items() if name not in {"data", "datacontenttype"}}
    answer = send(receive, json.dumps(given["data"]).encode(), **headers, **{"Content-Type": "application/json"})
    assert (answer.status_code, answer.json["code"], effects(env, given)) == (422, "not_an_event", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": None},
        {"id": 'a "b"'},
        {"id": 5},
        {"source": ""},
        {"type": None},
        {"subject": None},
        {"time": "yesterday"},
        {"time": "2026-01-02T03:04:05"},
        {"data": None},
        {"data": "text"},
        {"data": {}},
        {"data": {"account_id": 5}},
        {"data": {"account_id": "a\x00b"}},
        {"type": "com.botberi.account.registered.v2"},
        {"datacontenttype": "text/plain"},
        {"Upper": "x"},
    ],
)
def test_poison_is_a_422(receive: Client, change: dict[str, Any]) -> None:
    answer = deliver(receive, event(**change))
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b"NaN", b"[" * 5000, b" " * (1024 * 1024 + 1)])
def test_what_is_no_event_is_a_422(receive: Client, body: bytes) -> None:
    answer = send(receive, body)
    assert (answer.status_code, answer.json["code"]) == (422, "not_an_event")


def test_an_event_that_did_not_arrive_whole_is_asked_for_again(receive: Client) -> None:
    environ = {"wsgi.input": BytesIO(b"{"), "CONTENT_LENGTH": "50"}
    answer = receive.post("/", content_type="application/cloudevents+json", environ_overrides=environ)
    assert answer.status_code == 503


def test_what_is_no_event_is_not_said_back(receive: Client) -> None:
    answer = send(receive, b'{"a": "hunter2"}', Authorization="Bearer hunter2")
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("end", "status"),
    [("raise Unavailable", 503), ("raise Conflict", 422), ("raise NotFound", 422), ("raise KeyError('hunter2')", 500)],
)
def test_what_a_handler_raises_leaves_nothing_and_can_be_delivered_again(
    plant: Plant, env: Environment, end: str, status: int
) -> None:
    given = event()
    answer = deliver(plant("subscribers", receive_registration=RECEIVE.format(end=end)), given)
    assert (answer.status_code, effects(env, given)) == (status, 0)
    assert "hunter2" not in answer.text
    assert deliver(plant("subscribers", receive_registration=RECEIVE.format(end="")), given).status_code == 200
    assert effects(env, given) == 1


def test_while_postgres_is_away_it_is_a_503_that_names_it_in_the_log_alone(
    receive: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SHARED_PSQL_URL", "127.0.0.1:1/shared_psql")
    monkeypatch.setattr(databases, "engine", databases.engine.__wrapped__)
    answer = deliver(receive, event())
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
    assert "psql" not in answer.text
    assert "shared_psql can't be reached" in caplog.text


ALL = """
    @subscriber
    def receive_all(event: CloudEvent, db: SharedDb) -> None:
        emit(db, SharedPruningFallenDue(schedule="received " + event.data["account_id"], slot="2026-01-02T03:04:05Z"))
"""


def test_the_log_names_the_call_of_a_gateway_and_not_the_password_that_comes_with_it(
    receive: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = {"X-Call-Id": "call-1", "Authorization": "Basic YWRtaW46c2VjcmV0"}
    send(receive, json.dumps(event()).encode(), **sent)
    told = [vars(record) for record in caplog.records]
    assert [each["call_id"] for each in told if "call_id" in each] == ["call-1"]
    assert "YWRtaW46c2VjcmV0" not in str(told)


def test_who_receives_all_receives_types_that_nobody_knows(plant: Plant, env: Environment) -> None:
    given = event(type="com.example.thing.happened.v1")
    assert deliver(plant("subscribers", receive_all=ALL), given).status_code == 200
    assert effects(env, given) == 1


def test_what_a_subscriber_says_is_caused_by_what_it_received(receive: Client, env: Environment) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    given = event(traceparent=f"00-{trace}-b7ad6b7169203331-01", correlationid="first", actor="usr_9")
    deliver(receive, given)
    columns = text("select traceparent, correlationid, causationid, actor from outbox where subject = :subject")
    with env.transaction("shared_psql", "relay") as db:
        said = db.execute(columns, {"subject": "received " + given["data"]["account_id"]}).one()
    assert said.traceparent.split("-")[1] == trace
    assert tuple(said)[1:] == ("first", given["id"], "usr_9")


@pytest.fixture
def together(plant: Plant) -> Client:
    return plant("subscribers", receive_together=RECEIVE_TOGETHER)


def test_a_batch_is_handled_together_and_each_of_it_once(together: Client, env: Environment) -> None:
    first, second, third = event(), event(), event()
    assert deliver(together, first).status_code == 200
    assert deliver(together, [second, first, second, third]).status_code == 200
    assert deliver(together, [third, second]).status_code == 200
    assert [effects(env, each) for each in (first, second, third)] == [1, 1, 1]


def test_batches_that_overlap_at_once_change_it_once(together: Client, env: Environment) -> None:
    given = [event() for _ in range(20)]
    with ThreadPoolExecutor(4) as senders:
        batches = [given, given[::-1], given[10:] + given[:10], given[::-1]]
        answers = list(senders.map(lambda each: deliver(together, each).status_code, batches))
    assert answers == [200] * 4
    assert [effects(env, each) for each in given] == [1] * 20


@pytest.mark.parametrize(
    "change", [{"specversion": "0.3"}, {"data": {"account_id": "a\x00b"}}, {"data": {"account": 1}}, {"id": None}]
)
def test_nothing_of_a_batch_is_handled_with_one_that_cannot_be(
    together: Client, env: Environment, change: dict[str, Any]
) -> None:
    good, bad = event(), event(**change)
    assert deliver(together, [good, bad]).status_code in {422, 500}
    assert effects(env, good) == 0
    assert deliver(together, good).status_code == 200
    assert effects(env, good) == 1


@pytest.mark.parametrize("body", [b"[]", b"[1]", b"[[]]", b"[{}]", b"[", b"[null]"])
def test_what_is_no_batch_is_a_422(together: Client, body: bytes) -> None:
    answer = send(together, body)
    assert (answer.status_code, answer.json["code"]) == (422, "not_an_event")


def test_whoever_takes_one_at_a_time_takes_no_batch(receive: Client, env: Environment) -> None:
    given = event()
    answer = deliver(receive, [given])
    assert (answer.status_code, answer.json["code"], effects(env, given)) == (422, "not_an_event", 0)
