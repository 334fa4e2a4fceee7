import secrets
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from functions.runtime.tests.planting import Client, Plant
from testing.environment import Environment
from testing.people import Person

CREATE = """
    class Thing(Body):
        name: str

    class Created(Reply):
        id: str

        def etag(self) -> str:
            return self.id

    @endpoint("POST", "/things", status=201)
    def create_thing(thing: Thing, caller: User, db: UserDb) -> Created:
        if thing.name == "taken":
            raise Conflict
        return Created(id=emit(db, AccountRegistered(account_id=thing.name)))
"""


class Things:
    def __init__(self, client: Client, token: str) -> None:
        self.client = client
        self.token = token

    def create(self, key: str | None, name: str = "it") -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} | ({} if key is None else {"Idempotency-Key": key})
        return self.client.post("/things", json={"name": name}, headers=headers)


@pytest.fixture
def things(plant: Plant, person: Callable[..., Person]) -> Things:
    return Things(plant(create_thing=CREATE), person().token)


def test_the_same_key_twice_creates_once_and_answers_twice(things: Things, env: Environment) -> None:
    name = secrets.token_hex(8)
    first, second = things.create("once", name), things.create("once", name)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"] == f'"{first.json["id"]}"'
    with env.transaction("user_psql", "relay") as db:
        assert db.scalar(text("select count(*) from outbox where subject = :name"), {"name": name}) == 1


def test_without_a_key_every_request_creates(things: Things) -> None:
    assert things.create(None).json != things.create(None).json


def test_the_same_body_in_other_words_is_the_same_request(things: Things) -> None:
    bodies = (b'{"name": "it"}', b'{\n  "name":"\\u0069t" }')
    headers = {"Authorization": f"Bearer {things.token}", "Idempotency-Key": "once", "Content-Type": "application/json"}
    first, second = (things.client.post("/things", data=body, headers=headers) for body in bodies)
    assert (first.status_code, first.json) == (201, second.json)


def test_another_body_under_the_same_key_is_a_422(things: Things) -> None:
    things.create("once", "this")
    answer = things.create("once", "that")
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


SLOW = """
    import threading
    entered, released = threading.Event(), threading.Event()
""" + CREATE.replace("create_thing", "create_slowly").replace(
    "if thing", "entered.set(); released.wait(60)\n        if thing"
)


def test_while_the_first_is_worked_on_the_second_is_a_409(plant: Plant, person: Callable[..., Person]) -> None:
    slow = Things(plant(create_slowly=SLOW), person().token)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow.create, "once")
        assert sys.modules["create_slowly"].entered.wait(60)
        second = slow.create("once")
        sys.modules["create_slowly"].released.set()
    assert (second.status_code, second.json["code"]) == (409, "idempotency_key_in_flight")
    assert first.result().status_code == 201


def test_a_refused_request_leaves_its_key_free(things: Things) -> None:
    assert things.create("once", "taken").status_code == 409
    assert things.create("once", "free").status_code == 201


def test_a_key_is_the_caller_s_own(things: Things, person: Callable[..., Person]) -> None:
    other = Things(things.client, person().token)
    assert things.create("once").json != other.create("once").json


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "schlüssel"])
def test_a_malformed_key_is_a_400(things: Things, key: str) -> None:
    answer = things.create(key)
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_malformed")
