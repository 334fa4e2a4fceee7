"""Who may say what: publishers by their keys, accounts by their scope, and nobody what Botberi itself says."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from events.catalog.load import load
from events.catalog.systems import NoticePosted, RecordChanged
from events.contracts import contracts
from events.event import Event
from functions.domain.databases import SharedDb
from functions.domain.event_path import publishers
from functions.domain.event_path.publishers import PublisherInvalid, PublisherNameTaken, PublisherNotFound, Wanted
from functions.runtime.functions import declarations
from functions.runtime.providers.callers import Guard
from functions.tests.asking import ask
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

NOTICE = {"type": NoticePosted.type, "data": {"notice_id": "n-1", "text": "t"}}
RECORD = {"type": RecordChanged.type, "data": {"record_id": "r-1", "kind": "customer", "change": "updated"}}
CRM = "/example/crm"


@contextmanager
def administrator(env: Environment) -> Iterator[SharedDb]:
    with env.transaction("shared_psql", "admin") as db:
        yield SharedDb(db)


def create(env: Environment, name: str, *sources: str, **more: Any) -> str:
    with administrator(env) as db:
        return publishers.create(db, Wanted(name, sources or (CRM,), **more))[1]


def say(api: Api, token: str, event: dict[str, Any], **more: Any) -> Response:
    return api.broker.post("/v1/events", json=event | more, token=token)


def in_batch(api: Api, token: str, event: dict[str, Any]) -> set[str]:
    """Return the codes for which a batch of one event is refused."""
    body = json.dumps([{"specversion": "1.0", "id": "b-1", **event}]).encode()
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    answer = api.broker.post("/v1/events/batch", data=body, headers=headers, token=token)
    return {each["code"] for each in answer.json["errors"]} if answer.status_code == 422 else set()


@pytest.mark.parametrize("model", [each for each in load().values() if each.scope is None], ids=lambda each: each.type)
def test_nobody_else_says_what_botberi_says(
    api: Api, env: Environment, person: Callable[..., Person], model: type[Event]
) -> None:
    operator = person(scopes=("user", "admin", "broker"))
    callers = ((operator.token, f"/accounts/{operator.id}"), (people.publisher(env, CRM), CRM))
    for token, source in callers:
        event = {"type": model.type, "source": source, "data": contracts.example(model)["data"]}
        answer = say(api, token, event)
        assert (answer.status_code, answer.code) == (422, "type_reserved")
        assert in_batch(api, token, event) == {"type_reserved"}


def test_a_scope_and_a_list_of_types_say_what_a_publisher_may_say(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    plain = create(env, "plain")
    records = create(env, "records", scopes=["records"])
    only = create(env, "only", types=[RecordChanged.type], scopes=["records"])
    operator = person(scopes=("user", "broker")).token
    allowed = {
        (name, event["type"])
        for name, token in {"plain": plain, "records": records, "only": only, "operator": operator}.items()
        for event in (NOTICE, RECORD)
        if say(api, token, event).status_code == 202
    }
    notice, record = NoticePosted.type, RecordChanged.type
    assert allowed == {
        ("plain", notice), ("records", notice), ("records", record), ("only", record), ("operator", notice)
    }  # fmt: skip
    assert in_batch(api, plain, RECORD | {"source": CRM}) == {"type_not_granted"}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (CRM, None),
        (f"{CRM}/eu", None),
        ("/example/other", "source_not_granted"),
        ("/example/crm2", "source_not_granted"),
        ("/example", "source_not_granted"),
        ("/botberi/shared_psql", "source_reserved"),
        ("/Botberi/shared_psql", "source_reserved"),
        ("//botberi/user_psql", "source_reserved"),
        ("/./botberi/user_psql", "source_not_normal"),
        (f"{CRM}/../other", "source_not_normal"),
        ("/accounts/usr_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f", "source_reserved"),
    ],
)
def test_a_publisher_speaks_under_its_own_sources(api: Api, env: Environment, source: str, code: str | None) -> None:
    key = people.publisher(env, CRM)
    answer = say(api, key, NOTICE, source=source)
    assert (answer.status_code == 202) == (code is None)
    assert code is None or answer.code == code
    assert in_batch(api, key, NOTICE | {"source": source}) == ({code} if code else set())


def test_an_account_speaks_under_its_own_source(api: Api, person: Callable[..., Person]) -> None:
    one, other = (person(scopes=("user", "broker")) for _ in range(2))
    assert say(api, one.token, NOTICE, source=f"/accounts/{one.id}").status_code == 202
    assert say(api, one.token, NOTICE, source=f"/accounts/{other.id}").code == "source_reserved"
    assert say(api, one.token, NOTICE, source=CRM).code == "source_not_granted"


def test_a_key_opens_nothing_but_publishing(api: Api, env: Environment) -> None:
    key = people.publisher(env, CRM)
    opened = {"publish_event", "publish_events"}
    for endpoint in declarations(["user", "admin", "broker"]):
        if endpoint.parameter(Guard) and endpoint.name not in opened:
            assert ask(api, endpoint, token=key).status_code == 401, endpoint.name


def test_a_key_is_long_has_a_prefix_and_is_kept_as_its_hash(env: Environment) -> None:
    key = create(env, "kept")
    assert key.startswith("botberi_pk_")
    assert len(bytes.fromhex(key.removeprefix("botberi_pk_"))) * 8 >= 128
    with env.transaction("shared_psql", "migrator") as db:
        dumped = text(
            "select query_to_xml('table ' || name, true, true, '')::text from unnest(cast(:tables as text[])) as name"
        )
        everything = " ".join(db.scalars(dumped, {"tables": ["publishers", "publisher_keys", "outbox"]}))
    assert "kept" in everything
    assert key not in everything


def test_a_revoked_publisher_says_nothing_more(api: Api, env: Environment) -> None:
    key = create(env, "ends")
    assert say(api, key, NOTICE).status_code == 202
    with administrator(env) as db:
        publishers.revoke(db, "ends", "A test has ended.")
    answer = say(api, key, NOTICE)
    assert (answer.status_code, answer.code) == (401, "unauthenticated")
    with administrator(env) as db, pytest.raises(PublisherNotFound):
        publishers.rotate(db, "ends", overlap=0)


def test_after_a_rotation_both_keys_are_good_for_a_while(api: Api, env: Environment) -> None:
    keys = [create(env, "turns")]
    for overlap in (3600, 0):
        with administrator(env) as db:
            keys.append(publishers.rotate(db, "turns", overlap=overlap))
        expected = [401] * (len(keys) - 1) if overlap == 0 else [202]
        assert [say(api, key, NOTICE).status_code for key in keys] == [*expected, 202]
    with administrator(env) as db:
        [row] = [each for each in publishers.listed(db) if each.name == "turns"]
    assert (datetime.now(UTC) - row.key_created_at).total_seconds() < 600


@pytest.mark.parametrize("token", ["botberi_pk_", "botberi_pk_" + "0" * 64, "botberi_pk_' or true --"])
def test_a_key_of_nobody_is_a_401(api: Api, token: str) -> None:
    assert say(api, token, NOTICE).status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("w", []),
        Wanted("w", ["/botberi/x"]),
        Wanted("w", ["/accounts/usr_1"]),
        Wanted("w", ["/a/../b"]),
        Wanted("w", [CRM], types=["com.botberi.session.revoked.v1"]),
        Wanted("w", [CRM], types=["com.botberi.thing.unheard_of.v1"]),
        Wanted("w", [CRM], types=[RecordChanged.type]),
        Wanted("w", [CRM], scopes=["admin"]),
    ],
)
def test_a_publisher_can_not_be_given_what_nobody_may_have(env: Environment, wanted: Wanted) -> None:
    with administrator(env) as db, pytest.raises(PublisherInvalid):
        publishers.create(db, wanted)


def test_a_name_is_given_once(env: Environment) -> None:
    create(env, "once")
    with administrator(env) as db, pytest.raises(PublisherNameTaken):
        publishers.create(db, Wanted("once", [CRM]))
