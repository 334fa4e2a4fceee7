"""Whatever fails, nothing of what people send us is in a log, an event, an audit entry or an answer to an API error."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import text

from core.configuration import secret
from functions.domain.accounts import api_key_text
from testing import launches, people
from testing.people import Person
from testing.responses import Response
from testing.stack import Stack
from tools.local.servers import postgres_server
from tools.local.wait import until

PASSWORD: Final = f"password-{uuid4().hex}"
SECRET: Final = f"secret-{uuid4().hex}"
MESSAGE: Final = f"message-{uuid4().hex}"
MAILBOX: Final = f"canary-{uuid4().hex}"

LATER: Final = f"later-secret-{uuid4().hex}"
"""What the secret is changed to."""

WRITTEN: Final = {"user_psql": ("accounts", "sessions", "api_keys"), "shared_psql": ("instances",)}
"""The tables whose rows hold something that is nobody else's business."""

SCHEMA: Final = {"type": "object", "properties": {"api_key": {"type": "string", "writeOnly": True}}}


@pytest.fixture(scope="module")
def somebody(stack: Stack) -> Person:
    return people.arrive(stack, stack.env, ("user",))


@pytest.fixture(scope="module")
def agent(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    return launches.publish(stack.env, tmp_path_factory.mktemp("agent"), schema=SCHEMA)


def superuser(stack: Stack, database: str) -> Any:
    port = getattr(stack.env.ports, database)
    name = f"{database}_{stack.env.worker}"
    return closing(postgres_server.connect(port, secret("psql-superuser"), name))


def writes(stack: Stack, agent: str, somebody: Person) -> Mapping[str, Callable[[], Response]]:
    """Return a request for every way in which something of people's is written."""
    post, token = stack.user.post, somebody.token
    known = {"email": somebody.email, "password": somebody.password}
    launch = {"agent": agent, "name": "Canary", "config": {"api_key": SECRET}}
    return {
        "register": lambda: post(
            "/v1/auth/register", json={"email": f"{MAILBOX}@{uuid4().hex}.example.com", "password": PASSWORD}
        ),
        "login": lambda: post("/v1/auth/login", json=known),
        "refresh": lambda: post("/v1/auth/refresh", json={"refresh_token": somebody.refresh_token}),
        "logout": lambda: post("/v1/auth/logout", token=token),
        "make a key": lambda: post("/v1/me/api-keys", json={"name": "Canary", "scopes": ["user"]}, token=token),
        "launch": lambda: post("/v1/instances", json=launch, token=token),
    }


def at_once(requests: Mapping[str, Callable[[], Response]]) -> dict[str, Response]:
    with ThreadPoolExecutor(len(requests)) as pool:
        asked = {name: pool.submit(request) for name, request in requests.items()}
        return {name: answer.result() for name, answer in asked.items()}


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Let nobody write into the tables."""
    with ExitStack() as locks:
        for database, tables in WRITTEN.items():
            connection = locks.enter_context(superuser(stack, database))
            connection.run("begin")
            connection.run(f"lock table {', '.join(tables)} in share mode")
        yield


@contextmanager
def refusing(stack: Stack) -> Iterator[None]:
    """Let the tables refuse every row."""
    with ExitStack() as afterwards:
        for database, tables in WRITTEN.items():
            connection = afterwards.enter_context(superuser(stack, database))
            for table in tables:
                connection.run(f"alter table {table} add constraint nothing_goes check (false) not valid")
                afterwards.callback(connection.run, f"alter table {table} drop constraint nothing_goes")
        yield


@contextmanager
def taken(stack: Stack, somebody: Person) -> Iterator[None]:
    """Let two rows of the canary's mailbox, or of somebody's, be one too many."""
    unique = {
        "accounts": f"((true)) where email like '{MAILBOX}@%'",
        "sessions": f"((true)) where account_id = '{somebody.id}'",
        "api_keys": f"((true)) where account_id = '{somebody.id}'",
        "instances": f"((true)) where owner_id = '{somebody.id}' and name = 'Canary'",
    }
    with ExitStack() as afterwards:
        for database, tables in WRITTEN.items():
            connection = afterwards.enter_context(superuser(stack, database))
            for table in tables:
                connection.run(f"create unique index taken_{table} on {table} {unique[table]}")
                afterwards.callback(connection.run, f"drop index taken_{table}")
        yield


def terminate_who_waits(stack: Stack, most: int) -> None:
    """End the server's side of every connection that waits for a lock, until so many have been ended."""
    ended = 0
    with superuser(stack, "user_psql") as user, superuser(stack, "shared_psql") as shared:

        def look() -> bool:
            nonlocal ended
            for connection in (user, shared):
                ended += len(
                    connection.run(
                        "select pg_terminate_backend(pid) from pg_stat_activity "
                        "where wait_event_type = 'Lock' and datname = current_database()"
                    )
                )
            return ended >= most

        assert until(look, seconds=60)


def sinks(stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield all that anybody who watches over the platform may read, by its name."""
    for folder in (stack.folder / "logs", stack.env.session / "logs"):
        for log in sorted(folder.iterdir()):
            yield str(log), log.read_text(errors="replace")
    tables = {
        "user_psql": ("outbox", "all_dead_letters", "audit_entries"),
        "shared_psql": ("outbox", "all_dead_letters", "audit_entries", "instance_events"),
    }
    for database, names in tables.items():
        with stack.env.transaction(database, "migrator") as db:
            for name in names:
                rows = db.scalars(text(f"select to_jsonb(t)::text from {name} t"))
                yield f"{database}.{name}", "\n".join(rows)


def encodings(canary: str) -> set[str]:
    """Return what a value may look like in a dump: as it is, or as bytes."""
    return {canary, canary.encode().hex(), b64encode(canary.encode()).decode().rstrip("=")[:-1]}


def everything(stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield all rows of all tables, by the table's name."""
    query = (
        "select quote_ident(nspname) || '.' || quote_ident(relname) from pg_class join pg_namespace n on n.oid ="
        " relnamespace where relkind = 'r' and nspname not in ('pg_catalog', 'information_schema')"
    )
    for database in WRITTEN:
        with superuser(stack, database) as connection:
            for [table] in connection.run(query):
                rows = connection.run(f"select to_jsonb(t)::text from {table} t")
                yield f"{database}: {table}", "\n".join(row[0] for row in rows)


def test_no_table_has_a_secret_of_an_instance_whatever_became_of_it(
    stack: Stack, somebody: Person, agent: str, eventually: Callable[..., Any]
) -> None:
    launched = launches.launch(stack, stack.env, somebody, agent, {"api_key": SECRET})
    eventually(lambda: launched.status == "running")
    changed = stack.user.put(f"{launched.path}/secrets/api_key", json={"value": LATER}, token=somebody.token)
    assert changed.status_code == 200, changed.text
    eventually(lambda: launched.read()["observed_generation"] == changed.json["version"])
    found = dict(everything(stack))
    assert launched.id in found["shared_psql: public.instance_secrets"]
    launched.ask("delete")
    eventually(lambda: launched.status == "deleted")
    assert launched.id not in dict(everything(stack))["shared_psql: public.instance_secrets"]
    found |= dict(sinks(stack)) | {"answers": changed.text}
    canaries = encodings(SECRET) | encodings(LATER)
    assert [(name, canary) for name, text in found.items() for canary in canaries if canary in text] == []


def test_what_fails_tells_neither_passwords_nor_tokens_nor_secrets_nor_addresses(
    stack: Stack, somebody: Person, agent: str, eventually: Callable[..., Any]
) -> None:
    requests = writes(stack, agent, somebody)
    instance = launches.launch(stack, stack.env, somebody, agent, {"api_key": SECRET})
    eventually(lambda: instance.status == "running")
    assert instance.say(MESSAGE).json["text"] == MESSAGE
    assert {name: requests[name]().status_code for name in ("register", "launch")} == {"register": 202, "launch": 201}
    key = requests["make a key"]().json["key"]
    assert stack.user.get("/v1/me", token=key).status_code == 200
    answers: list[Response] = []
    with refusing(stack):
        failed = at_once(requests)
        answers.extend(failed.values())
        assert {name: answer.status_code for name, answer in failed.items()} == dict.fromkeys(requests, 500)
    with taken(stack, somebody):
        failed = at_once({name: requests[name] for name in ("register", "login", "launch")})
        answers.extend(failed.values())
        assert {answer.status_code for answer in failed.values()} == {500}
    with locked(stack):
        failed = at_once(requests)
        answers.extend(failed.values())
        assert {name: answer.status_code for name, answer in failed.items()} == dict.fromkeys(requests, 503)
    with locked(stack), ThreadPoolExecutor(1) as pool:
        failing = pool.submit(at_once, requests)
        terminate_who_waits(stack, most=len(requests))
        answers.extend(failing.result().values())
    assert [name for name, rows in everything(stack) for each in encodings(SECRET) if each in rows] == []
    told = dict(sinks(stack)) | {"answers": "\n".join(answer.text for answer in answers)}
    host = told[str(stack.folder / "logs" / "host.log")]
    assert [code for code in ("23514", "23505", "55P03", "InterfaceError in") if code not in host] == []
    canaries = {
        *(PASSWORD, SECRET, MESSAGE, MAILBOX, somebody.password, somebody.email),
        *(somebody.token, somebody.refresh_token, key, api_key_text.hashed(key)),
    }
    assert [(name, canary) for name, sink in told.items() for canary in canaries if canary in sink] == []
