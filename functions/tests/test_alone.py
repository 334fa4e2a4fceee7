"""Every function with nothing but what it declares, and every function with nothing that answers."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from events.contracts.contracts import ROOT
from functions.domain.instances import log_batches
from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from functions.runtime.functions import declarations
from functions.tests import alone
from functions.tests.asking import ask, body_of, names
from testing import factors, people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

ENDPOINTS = declarations(["user", "admin", "broker"])
SUBSCRIBERS = [each for each in declarations(["subscribers"]) if each.signing_keys]
BY_LINK = {"fetch_export"}
"""Endpoints that ask nobody anything for whoever has no link."""
NEEDS_POSTGRES = [each for each in ENDPOINTS if environment(each).databases and each.name not in BY_LINK]
EXAMPLES = ROOT / "events/catalog/examples"
BATCH = {
    "specversion": "1.0",
    "id": "1",
    "source": f"/agent-hosts/{uuid4().hex}",
    "type": log_batches.TYPE,
    "subject": "/agent-hosts/alone",
    "time": "2026-01-01T00:00:00Z",
    "data": {"number": 1, "logs": []},
}
"""What an agent host hands on."""


def name_of(declaration: Declaration) -> str:
    return declaration.name


@pytest.fixture(scope="module")
def somebody(api: Api, env: Environment) -> Person:
    arrived = people.arrive(api, env, ["user", "admin", "broker"])
    # Confirming an app gets as far as its code.
    assert api.user.post("/v1/me/mfa/totp", token=arrived.token).status_code == 200
    return replace(arrived, token=people.logged_in(arrived))


@pytest.fixture(scope="module")
def challenge(api: Api, env: Environment) -> str:
    """What somebody is asked who logs in with a second factor."""
    somebody = people.arrive(api, env, ["user"])
    factors.enrol(api, somebody)
    return factors.challenge(api, somebody)


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with alone.without_memory(monkeypatch):
        yield


@pytest.fixture
def give(
    monkeypatch: pytest.MonkeyPatch, env: Environment, tmp_path: Path, _alone: None
) -> Callable[[Declaration], None]:
    return lambda declaration: alone.give_only_what_is_declared(monkeypatch, env, declaration, tmp_path)


def body_for(declaration: Declaration, somebody: Person, challenge: str) -> Any:
    """Return a body that gets through to the end, where the example doesn't."""
    bodies = {
        "login": {"email": somebody.email, "password": somebody.password},
        "refresh_session": {"refresh_token": somebody.refresh_token},
        "verify_mfa": {"challenge": challenge, "code": "000000"},
    }
    return bodies.get(declaration.name, body_of(declaration))


def event_for(declaration: Declaration) -> Any:
    if not declaration.event_types:
        return BATCH
    event_type = declaration.event_types[0].replace("#", "com.botberi.account.registered.v1")
    return json.loads((EXAMPLES / f"{event_type}.json").read_text()) | {"id": f"evt_{uuid4().hex}"}


@pytest.mark.usefixtures("nothing_stopped")
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_an_endpoint_needs_no_more_than_it_declares(
    api: Api, somebody: Person, challenge: str, give: Callable[[Declaration], None], endpoint: Declaration
) -> None:
    give(endpoint)
    answer = ask(api, endpoint, json=body_for(endpoint, somebody, challenge), token=somebody.token)
    assert answer.status_code < 500


@pytest.mark.parametrize("subscriber", SUBSCRIBERS, ids=name_of)
def test_a_subscriber_needs_no_more_than_it_declares(
    api: Api, give: Callable[[Declaration], None], subscriber: Declaration
) -> None:
    give(subscriber)
    assert api.deliver(subscriber.name, event_for(subscriber)).status_code == 200


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("endpoint", NEEDS_POSTGRES, ids=name_of)
def test_an_endpoint_with_everything_away_is_a_503_that_names_nothing(
    api: Api, somebody: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, endpoint: Declaration
) -> None:
    alone.take_everything_away(monkeypatch)
    answer = ask(api, endpoint, token=somebody.token)
    assert answer.status_code == 503
    assert names(answer, endpoint, "database_unavailable")
    assert answer.headers["Retry-After"]
    assert "psql" not in answer.text
    assert "_psql can't be reached" in caplog.text


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("subscriber", SUBSCRIBERS, ids=name_of)
def test_a_subscriber_with_everything_away_asks_for_the_event_again(
    api: Api, monkeypatch: pytest.MonkeyPatch, subscriber: Declaration
) -> None:
    alone.take_everything_away(monkeypatch)
    assert api.deliver(subscriber.name, event_for(subscriber)).status_code == 503
