"""Endpoints that speak a protocol of others: bodies, answers and errors of shapes of their own."""

import json

import pytest

from functions.runtime.tests.planting import Client, Plant
from testing.responses import Response as Answered
from testing.responses import check_documented
from tools.manifests.openapi import operation
from tools.manifests.schemas import Schemas

SPEAKS = """
    import flask
    from functions.runtime.declarations import Answer
    from functions.runtime.protocols import Protocol
    from functions.runtime.providers.any_json import AnyJson

    class Odd(Protocol):
        media_type = "application/odd+json"
        schema = {"type": "object", "required": ["odd"]}

        def status(self, api_error: type[ApiError]) -> int:
            return 200 if issubclass(api_error, Conflict) else super().status(api_error)

        def body(self, api_error: ApiError, request: flask.Request) -> dict[str, str]:
            return {"odd": api_error.code, "sent": request.get_data(as_text=True)}

    class Said(Answer):
        schema = {"type": "array"}
        statuses = (202,)

    class Any(AnyJson):
        media_types = ("application/json", "application/odd+json")
        may_be_empty = True

    @endpoint("POST", "/odd", errors=(Conflict, NotFound), protocol=Odd())
    def speak(body: Any) -> Said:
        if body.value == "conflict":
            raise Conflict
        if body.value == "bug":
            raise RuntimeError
        if body.value is None:
            return Said(None, status=202)
        return Said([body.value], headers={"X-Odd": "1"})
"""
JSON = {"content_type": "application/json"}


@pytest.fixture
def odd(plant: Plant) -> Client:
    return plant(speak=SPEAKS)


@pytest.mark.parametrize("kind", ["application/json", "application/odd+json"])
@pytest.mark.parametrize("value", ["[]", "5", '{"a": [1]}'])
def test_any_json_is_taken_and_answered(odd: Client, kind: str, value: str) -> None:
    answer = odd.post("/odd", data=value, content_type=kind)
    assert (answer.status_code, answer.text, answer.headers["X-Odd"]) == (200, f"[{value}]", "1")


def test_a_body_and_an_answer_may_be_empty(odd: Client) -> None:
    answer = odd.post("/odd")
    assert (answer.status_code, answer.text) == (202, "")


@pytest.mark.parametrize(
    ("body", "kind", "answered"),
    [
        ('"conflict"', "application/json", (200, "conflict")),
        ('"bug"', "application/json", (500, "internal")),
        ("{", "application/json", (400, "malformed")),
        ('"\\ud800"', "application/json", (400, "malformed")),
        ('"\\u0000"', "application/json", (422, "invalid")),
        ("1", "text/plain", (415, "unsupported_media_type")),
        ("1" * 70_000, "application/json", (413, "too_large")),
    ],
)
def test_what_is_refused_is_told_in_the_way_of_the_protocol(
    odd: Client, body: str, kind: str, answered: tuple[int, str]
) -> None:
    answer = odd.post("/odd", data=body, content_type=kind)
    assert (answer.status_code, answer.json["odd"], answer.content_type) == (*answered, "application/odd+json")
    assert answer.json["sent"] == ("" if len(body) > 65536 else body)
    check_documented(odd.host.declarations, "POST", "/odd", Answered(answer.status_code, answer.headers, answer.data))


def test_the_document_has_the_shapes_of_the_protocol(odd: Client) -> None:
    [declaration] = odd.host.declarations
    described = operation(declaration, Schemas([declaration]))
    answers = described["responses"]
    assert set(described["requestBody"]["content"]) == {"application/json", "application/odd+json"}
    assert answers["200"]["content"] == {
        "application/odd+json": {"schema": {"type": "object", "required": ["odd"]}},
        "application/json": {"schema": {"type": "array"}},
    }
    assert list(answers["404"]["content"]) == ["application/odd+json"]
    # The edge knows no protocols.
    assert list(answers["429"]["content"]) == ["application/problem+json"]
    assert list(answers["202"]["content"]) == ["application/json"]
    json.dumps(described)
