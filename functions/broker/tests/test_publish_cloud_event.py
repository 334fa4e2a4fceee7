"""Events that come as CloudEvents: structured, and in binary mode."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

from events.catalog.systems import NoticePosted, RecordChanged
from events.contracts import contracts
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.responses import Response

DATA = {"notice_id": "notice-1", "text": "Something has happened."}
EVENT = {"specversion": "1.0", "id": "ce-1", "source": "/example/crm", "type": NoticePosted.type, "data": DATA}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}


@pytest.fixture
def token(env: Environment) -> str:
    return people.publisher(env, "/example/crm", "/example/sdk", "/example/batch")


def row(env: Environment, event_id: str) -> dict[str, Any]:
    with env.transaction("shared_psql", "relay") as db:
        found = db.exec_driver_sql("select * from outbox where id = %s", (event_id,)).mappings().one()
    return dict(found)


def structured(api: Api, token: str, event: dict[str, Any]) -> Response:
    return api.broker.post("/v1/events", data=json.dumps(event).encode(), headers=STRUCTURED, token=token)


@pytest.mark.parametrize("mode", [to_structured, to_binary])
def test_what_the_sdk_makes_is_published(api: Api, env: Environment, token: str, mode: Callable[..., Any]) -> None:
    event = CloudEvent({"source": "/example/sdk", "type": NoticePosted.type, "traceparent": TRACE}, DATA)
    headers, body = mode(event)
    answer = api.broker.post("/v1/events", data=body, headers=headers, token=token)
    assert answer.status_code == 202, answer.text
    assert answer.json["id"] == event["id"]
    written = row(env, event["id"])
    assert (written["source"], written["data"], written["traceparent"]) == ("/example/sdk", DATA, TRACE)


def test_the_same_event_in_another_mode_is_known(api: Api, token: str) -> None:
    event = CloudEvent({"source": "/example/sdk", "type": NoticePosted.type}, DATA)
    for mode, duplicate in ((to_structured, False), (to_binary, True)):
        headers, body = mode(event)
        assert api.broker.post("/v1/events", data=body, headers=headers, token=token).json["duplicate"] is duplicate


def test_the_example_of_a_type_is_published_under_ones_own_source(api: Api, token: str) -> None:
    for model in (NoticePosted, RecordChanged):
        example = contracts.example(model) | {"id": model.type}
        assert structured(api, token, example | {"source": "/botberi/shared_psql"}).code == "source_reserved"
        assert structured(api, token, example).status_code == 202


def test_it_can_be_addressed_to_postgres(api: Api, env: Environment, token: str) -> None:
    answer = structured(api, token, EVENT | {"id": "ce-2", "channel": "orders"})
    assert (answer.json["database"], answer.json["channel"]) == ("shared_psql", "orders")
    assert row(env, "ce-2")["channel"] == "orders"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": None}, "/id"),
        ({"id": " led by a space"}, "/id"),
        ({"id": 'a "quote"'}, "/id"),
        ({"id": "i" * 201}, "/id"),
        ({"subject": "notice-other"}, "/subject"),
        ({"datacontenttype": "text/xml"}, "/datacontenttype"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2026-01-02T03:04:05"}, "/time"),
        ({"time": "20260102T030405Z"}, "/time"),
        ({"time": "2026-W01-5T03:04:05Z"}, "/time"),
        ({"time": "2026-01-02T03Z"}, "/time"),
        ({"time": "2026-01-02X03:04:05Z"}, "/time"),
        ({"time": "2026-01-02T03:04:60Z"}, "/time"),
        ({"data": "text"}, "/data"),
        ({"data_base64": "e30="}, "/data_base64"),
        ({"source": "/example/crm/Zürich"}, "/source"),
        ({"source": "/example/crm/100%"}, "/source"),
        ({"data": {"notice_id": "n" * 501, "text": "t"}}, "/data/notice_id"),
        ({"channel": "Robert;drop"}, "/channel"),
        ({"channel": "botberi_outbox"}, "/channel"),
    ],
)
def test_what_is_wrong_with_it_is_named(api: Api, token: str, change: dict[str, Any], pointer: str) -> None:
    answer = structured(api, token, EVENT | change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_headers_are_named_like_attributes(api: Api, token: str) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "%20", "ce-type": NoticePosted.type, "ce-source": "/example/crm"}
    answer = api.broker.post("/v1/events", json=DATA, headers=headers, token=token)
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, ["/id"])


@pytest.mark.parametrize("kind", ["text/plain", "application/cloudevents-batch+json", "application/cloudevents+avro"])
def test_other_media_types_are_refused_with_those_that_are_not(api: Api, token: str, kind: str) -> None:
    answer = api.broker.post("/v1/events", data=b"{}", headers={"Content-Type": kind}, token=token)
    assert (answer.status_code, answer.code) == (415, "unsupported_media_type")
    assert "application/cloudevents+json" in answer.json["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"id": NaN}', b"\xff", b'{"id": "a", "id": "b"}'])
def test_what_is_no_json_object_is_refused(api: Api, token: str, body: bytes) -> None:
    answer = api.broker.post("/v1/events", data=body, headers=STRUCTURED, token=token)
    assert answer.status_code in {400, 422}


ALLOWED: dict[str, dict[str, Any]] = {
    "extensions": {"myextension": "1", "another": 7, "athird": True, "partitionkey": 5, "Odd-Name": "x"},
    "null": {"foo": None, "subject": None, "time": None},
    "charset": {"datacontenttype": "application/json; charset=utf-8"},
    "suffix": {"datacontenttype": "application/vnd.example+json"},
    "escapes": {"source": "/example/crm/Z%C3%BCrich"},
    "id": {"id": "order 4711 of 100%"},
    "lower": {"time": "2026-01-02t03:04:05.678901234z"},
    "leap": {"time": "2016-12-31T23:59:60Z"},
    "leap elsewhere": {"time": "2017-01-01T05:29:60+05:30"},
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED)
def test_what_the_specification_allows_is_taken(
    api: Api, env: Environment, token: str, request: pytest.FixtureRequest, change: dict[str, Any]
) -> None:
    event = EVENT | {"id": f"allowed {request.node.name}"} | change
    answer = structured(api, token, event)
    assert answer.status_code == 202, answer.text
    written = row(env, event["id"])
    assert (written["id"], written["source"], written["data"]) == (event["id"], event["source"], DATA)


@pytest.mark.parametrize("mode", [to_structured, to_binary])
@pytest.mark.parametrize("kind", [None, "application/json; charset=utf-8", "application/vnd.example+json"])
def test_the_sdk_s_modes_carry_the_same(
    api: Api, env: Environment, token: str, mode: Callable[..., Any], kind: str | None
) -> None:
    attributes = {
        "id": f"{mode.__name__} {kind}".replace("/", " "),
        "source": "/example/crm/Z%C3%BCrich",
        "type": NoticePosted.type,
        "time": "2026-01-02T03:04:05Z",
        "myextension": "kept by nobody",
    }
    event = CloudEvent(attributes | ({"datacontenttype": kind} if kind else {}), DATA)
    headers, body = mode(event)
    answer = api.broker.post("/v1/events", data=body, headers=headers, token=token)
    assert answer.status_code == 202, answer.text
    written = row(env, attributes["id"])
    assert (written["source"], written["data"]) == (attributes["source"], DATA)


@pytest.mark.parametrize("sent", ["/example/crm/Z%C3%BCrich", "/example/crm/Z%25C3%25BCrich"])
def test_escapes_of_a_source_are_the_same_encoded_once_more_or_not(api: Api, token: str, sent: str) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": f'"id%20{len(sent)} of 100%25"',
        "ce-type": NoticePosted.type,
        "ce-source": sent,
    }
    answer = api.broker.post("/v1/events", json=DATA, headers=headers, token=token)
    assert (answer.status_code, answer.json["source"]) == (202, "/example/crm/Z%C3%BCrich")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/batch"])
def test_a_webhook_s_sender_is_told_that_it_may_send(api: Api, path: str) -> None:
    asked = {"WebHook-Request-Origin": "events.example.com", "WebHook-Request-Rate": "120"}
    answer = api.broker.request("OPTIONS", path, headers=asked)
    assert (answer.status_code, answer.headers["WebHook-Allowed-Origin"]) == (200, "events.example.com")
    assert (answer.headers["WebHook-Allowed-Rate"], answer.headers["Allow"]) == ("*", "OPTIONS, POST")
    assert "WebHook-Allowed-Rate" not in api.broker.request("OPTIONS", path, headers=dict([*asked.items()][:1])).headers
    for other in ({}, {"WebHook-Request-Origin": "a b"}):
        refused = api.broker.request("OPTIONS", path, headers=other)
        assert (refused.status_code, refused.code) == (405, "method_not_allowed")
