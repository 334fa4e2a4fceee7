"""What no endpoint takes, sent to every endpoint that there is."""

import pytest

from functions.runtime.declarations import Declaration
from functions.runtime.functions import declarations
from functions.runtime.providers.body import JsonBody
from functions.runtime.providers.callers import Guard
from functions.runtime.providers.if_match import Precondition
from functions.tests.asking import ask, body_of, content_of, path_of
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.responses import Response


def takes_nothing_else(declaration: Declaration) -> bool:
    """Tell whether an unknown field of a body is refused: in a protocol of others newer clients have more of them."""
    body = declaration.parameter(JsonBody)
    return body is None or all(model.model_config.get("extra") == "forbid" for model in body.models)


# What protocols of others make of a bad request is theirs, and tested with them.
ENDPOINTS = [each for each in declarations(["user", "admin", "broker"]) if each.protocol is None]
WITH_BODY = [each for each in ENDPOINTS if "application/json" in content_of(each)]
CLOSED = [each for each in WITH_BODY if takes_nothing_else(each)]
WITH_IF_MATCH = [each for each in ENDPOINTS if each.parameter(Precondition)]
WITH_KEY = [
    each
    for each in ENDPOINTS
    if each.method == "POST"
    and each.status == 201
    and each.parameter(Guard) is not None
    # An answer that has to be told once isn't kept to be told again.
    and each.name not in {"create_api_key", "create_passkey"}
]


def name_of(declaration: Declaration) -> str:
    return declaration.name


@pytest.fixture(scope="module")
def token(api: Api, env: Environment) -> str:
    return people.logged_in(people.arrive(api, env, ["user", "admin", "broker"]))


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.code


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_an_unknown_query_parameter_is_a_422(api: Api, token: str, endpoint: Declaration) -> None:
    answer = ask(api, endpoint, path_of(endpoint) + "?no_such_parameter=1", token=token)
    assert problem(answer) == (422, "invalid")
    assert [error["pointer"] for error in answer.json["errors"]] == ["?no_such_parameter"]


@pytest.mark.parametrize("endpoint", CLOSED, ids=name_of)
def test_an_unknown_field_is_a_422_at_that_field(api: Api, token: str, endpoint: Declaration) -> None:
    answer = ask(api, endpoint, json=body_of(endpoint) | {"no_such_field": 1}, token=token)
    assert problem(answer) == (422, "invalid")
    assert "/no_such_field" in {error["pointer"] for error in answer.json["errors"]}


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b'{"\\u0000": "\\u0000"}'])
@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
def test_json_of_another_shape_is_a_422(api: Api, token: str, endpoint: Declaration, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "If-Match": '"1"'}
    assert problem(ask(api, endpoint, json=None, data=body, headers=headers, token=token)) == (422, "invalid")


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b"\xff", b'{"a": 1, "a": 2}', b"[" * 5000])
@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
def test_what_is_not_json_is_a_400(api: Api, token: str, endpoint: Declaration, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "If-Match": '"1"'}
    assert problem(ask(api, endpoint, json=None, data=body, headers=headers, token=token)) == (400, "malformed")


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
def test_a_body_of_no_stated_kind_is_a_415(api: Api, token: str, endpoint: Declaration) -> None:
    answer = ask(api, endpoint, json=None, data=b"{}", headers={"If-Match": '"1"'}, token=token)
    assert problem(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
def test_a_body_over_the_bound_is_a_413(api: Api, token: str, endpoint: Declaration) -> None:
    headers = {"Content-Type": "application/json", "If-Match": '"1"'}
    body = b" " * (endpoint.max_body + 1)
    assert problem(ask(api, endpoint, json=None, data=body, headers=headers, token=token)) == (413, "too_large")


@pytest.mark.parametrize("endpoint", WITH_IF_MATCH, ids=name_of)
def test_without_if_match_it_is_a_428(api: Api, token: str, endpoint: Declaration) -> None:
    answer = ask(api, endpoint, headers={}, token=token)
    assert problem(answer) == (428, "precondition_required")


@pytest.mark.parametrize("endpoint", WITH_KEY, ids=name_of)
def test_a_malformed_idempotency_key_is_a_400(api: Api, token: str, endpoint: Declaration) -> None:
    answer = ask(api, endpoint, headers={"Idempotency-Key": "a b"}, token=token)
    assert problem(answer) == (400, "idempotency_key_malformed")
