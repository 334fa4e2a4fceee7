"""Generated requests, sensible and not, to every endpoint: no 5xx, and no answer that its document doesn't have."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import hypothesis
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from functions.runtime.docs_page import DOCUMENTS
from functions.schemas.base import FORM
from functions.tests import served
from testing import people
from testing.clients import Client
from testing.environment import Environment
from testing.people import Person
from testing.stack import Stack

# By A2A, what is wrong with a call of JSON-RPC is said in an answer with the status 200: its clients read no other.
UNFIT = {"/v1/instances/{instance_id}/a2a/rpc": (negative_data_rejection,)}

# A bundle is bytes, whatever they are.
schemathesis.serializer.alias("application/zip", "application/octet-stream")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

pytestmark = pytest.mark.usefixtures("nothing_stopped")

EVERYTHING = ("user", "admin", "broker")

Operation = APIOperation[Any, Any, Any, Any]


def operations(api_name: str) -> Iterator[Any]:
    document = json.loads((DOCUMENTS / f"{api_name}.json").read_text(encoding="utf-8"))
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        yield pytest.param(api_name, operation, id=f"{api_name} {operation.label}")


EVERY = [operation for api_name in EVERYTHING for operation in operations(api_name)]


@pytest.fixture(scope="module")
def server(env: Environment) -> Iterator[Stack]:
    with served.host(env) as running:
        yield running


@pytest.fixture(scope="module")
def token(server: Stack, env: Environment) -> str:
    """Somebody who may do everything, and has just logged in with a second factor."""
    return people.logged_in(people.arrive(server, env, EVERYTHING))


@pytest.fixture
def headers(token: str, person: Callable[..., Person], operation: Operation) -> dict[str, str]:
    """The same person all the time, except where the session ends."""
    ends = operation.path.endswith("/logout") or operation.label == "DELETE /v1/me"
    used = person(scopes=EVERYTHING).token if ends else token
    return {"Authorization": f"Bearer {used}"}


def send(operation: Operation, mode: GenerationMode, address: str, headers: dict[str, str], most: int = 6) -> None:
    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=most, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def request(case: Case[Any]) -> None:
        answer = case.call(base_url=address, headers=headers)
        # The server itself refuses addresses of over 8 kB; the edge puts that into the words of a problem.
        hypothesis.assume(answer.status_code != HTTPStatus.REQUEST_URI_TOO_LONG)
        case.validate_response(answer, checks=[each for each in CHECKS if each not in UNFIT.get(operation.path, ())])

    # Nothing that is sent to an endpoint without parameters is senseless.
    with suppress(hypothesis.errors.Unsatisfiable):
        request()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sensible", "senseless"])
@pytest.mark.parametrize(("api_name", "operation"), EVERY)
def test_every_answer_is_documented(
    server: Stack, headers: dict[str, str], api_name: str, operation: Operation, mode: GenerationMode
) -> None:
    send(operation, mode, f"http://127.0.0.1:{getattr(server.env.ports, api_name)}", headers)


@pytest.mark.parametrize(("api_name", "operation"), EVERY)
def test_every_answer_to_somebody_unknown_is_documented(server: Stack, api_name: str, operation: Operation) -> None:
    send(operation, GenerationMode.POSITIVE, f"http://127.0.0.1:{getattr(server.env.ports, api_name)}", {}, most=2)


def example_of(parameter: dict[str, Any]) -> str:
    return str(parameter.get("example") or parameter["schema"].get("examples", ["none"])[0])


@pytest.mark.parametrize(("api_name", "operation"), EVERY)
def test_the_example_in_the_document_makes_sense(
    server: Stack, headers: dict[str, str], api_name: str, operation: Operation
) -> None:
    described = operation.definition.raw
    given = {each["name"]: example_of(each) for each in described["parameters"] if each["in"] == "path"}
    needed = [each for each in described["parameters"] if each["required"]]
    sent = {each["name"]: example_of(each) for each in needed if each["in"] == "header"}
    query = urlencode({each["name"]: example_of(each) for each in needed if each["in"] == "query"})
    content = described.get("requestBody", {}).get("content", {"application/json": {}})
    client: Client = getattr(server, api_name)
    for media_type, body in content.items():
        kind = headers | sent | {"Content-Type": media_type}
        path = operation.path.format(**given) + (f"?{query}" if query else "")
        example = body.get("example")
        form = urlencode(example).encode() if media_type == FORM else None
        sent_as_json = None if form else example
        answer = client.request(operation.method.upper(), path, json=sent_as_json, data=form, headers=kind)
        # By OAuth, a code that nobody was given is a 400 too.
        made_up = '"invalid_grant"' in answer.text
        assert made_up or answer.status_code not in {400, 415, 422, 428}, answer.text
