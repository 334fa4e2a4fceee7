"""What a handler's parameters are filled with, and that its caller is checked whatever they are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from functions.domain import live_api_keys, revocations
from functions.domain.accounts import api_keys, sessions
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.providers.callers import ApiKeyInvalid, User, check_open
from functions.runtime.tests.planting import Client, Plant
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

HANDLERS = {
    "user_psql": "caller: User, db: UserDb",
    "shared_psql": "caller: User, db: SharedDb",
    "both": "caller: User, db: SharedDb, other: UserDb",
    "short ones on user_psql": "caller: User, begin: UserTransactions",
    "short ones on shared_psql": "caller: User, begin: SharedTransactions",
    "no database": "caller: User",
}


@pytest.fixture(params=list(HANDLERS))
def client(plant: Plant, request: pytest.FixtureRequest) -> Client:
    return plant(
        read_thing=f"""
        class Thing(Reply):
            caller: str

        @endpoint("GET", "/things")
        def read_thing({HANDLERS[request.param]}) -> Thing:
            return Thing(caller=caller.id)
    """
    )


def test_who_is_logged_in_is_the_caller(client: Client, person: Callable[..., Person]) -> None:
    somebody = person()
    answer = client.get("/things", headers={"Authorization": f"Bearer {somebody.token}"})
    assert answer.json == {"caller": somebody.id}


def test_an_ended_session_is_refused_whatever_the_handler_works_on(
    client: Client, person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    session_id = jwt.decode(somebody.token, options={"verify_signature": False})["sid"]
    with env.transaction("user_psql", "user") as db:
        sessions.revoke(UserDb(db), session_id, "logged_out")
    with env.transaction("shared_psql", "subscribers") as db:
        revocations.record(SharedDb(db), session_id, datetime.now(UTC) + timedelta(minutes=11))
    answer = client.get("/things", headers={"Authorization": f"Bearer {somebody.token}"})
    assert (answer.status_code, answer.json["code"]) == (401, "session_revoked")


def test_whoever_shows_an_api_key_is_the_caller_until_it_ends(
    client: Client, api: Api, person: Callable[..., Person], env: Environment
) -> None:
    owner = person()
    key = people.api_key(api, env, owner)
    headers = {"Authorization": f"Bearer {key.text}"}
    assert client.get("/things", headers=headers).json == {"caller": owner.id}
    with env.transaction("user_psql", "user") as db:
        api_keys.revoke_own(UserDb(db), owner.id, key.id)
    with env.transaction("shared_psql", "subscribers") as db:
        live_api_keys.revoke(SharedDb(db), key.id, datetime.now(UTC) + timedelta(days=1))
    answer = client.get("/things", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "api_key_invalid")


def test_what_goes_on_for_long_learns_that_the_callers_key_has_ended(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    owner = person()
    caller = User(owner.id, frozenset({"user"}), key_id=people.api_key(api, env, owner).id)
    with env.transaction("shared_psql", "user") as db:
        check_open(caller, user=None, shared=SharedDb(db))
    with env.transaction("shared_psql", "subscribers") as db:
        live_api_keys.revoke(SharedDb(db), str(caller.key_id), datetime.now(UTC) + timedelta(days=1))
    with env.transaction("shared_psql", "user") as db, pytest.raises(ApiKeyInvalid):
        check_open(caller, user=None, shared=SharedDb(db))


@pytest.mark.usefixtures("env")
def test_short_transactions_end_with_their_block(plant: Plant) -> None:
    client = plant(
        read_thing="""
        class Thing(Reply):
            numbers: list[str]

        @endpoint("GET", "/things")
        def read_thing(begin: SharedTransactions) -> Thing:
            numbers = []
            for _ in range(2):
                with begin() as db:
                    numbers.append(str(db.scalar(text("select pg_current_xact_id()"))))
            return Thing(numbers=numbers)
    """
    )
    first, second = client.get("/things").json["numbers"]
    assert first != second


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize("database", ["User", "Shared"])
def test_a_get_can_change_nothing(plant: Plant, database: str) -> None:
    client = plant(
        read_thing=f"""
        class Thing(Reply):
            read_only: list[str]

        def ask(db: UserDb | SharedDb) -> str:
            return str(db.scalar(text("show transaction_read_only")))

        @endpoint("GET", "/things")
        def read_thing(db: {database}Db, begin: {database}Transactions) -> Thing:
            with begin() as other, begin.reading() as third:
                return Thing(read_only=[ask(db), ask(other), ask(third)])
    """
    )
    assert client.get("/things").json == {"read_only": ["on"] * 3}


@pytest.mark.usefixtures("env")
def test_what_is_prepared_is_prepared_before_a_transaction_is_open(plant: Plant, person: Callable[..., Person]) -> None:
    client = plant(
        create_thing="""
        from functions.runtime.databases import engine

        class Thing(Body):
            name: str

        class Prepared(str):
            pass

        class Created(Reply):
            said: str

        def prepare(thing: Thing, begin: SharedTransactions) -> Prepared:
            with begin() as db:
                found = db.scalar(text("select 'found'"))
            return Prepared(f"{thing.name} {found}, {engine('shared_psql', 'user').pool.checkedout()} open")

        @endpoint("POST", "/things", status=201, prepare=prepare)
        def create_thing(caller: User, thing: Thing, prepared: Prepared, db: SharedDb) -> Created:
            open = engine('shared_psql', 'user').pool.checkedout()
            return Created(said=f"{thing.name}: {prepared}; then {open}")
    """
    )
    for headers in ({}, {"Idempotency-Key": "one"}, {"Idempotency-Key": "one"}):
        given = headers | {"Authorization": f"Bearer {person().token}"}
        answer = client.post("/things", json={"name": "it"}, headers=given)
        assert answer.json == {"said": "it: it found, 0 open; then 1"}
