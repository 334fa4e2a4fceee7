"""The OpenAPI documents say everything, and say it unambiguously."""

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.runtime.functions import declarations
from tools.manifests.openapi import ABOUT, document

EVERY = declarations()
PROBLEM = "application/problem+json"
SPEAKING = {f"{each.method} {each.path}" for each in EVERY if each.protocol is not None}


@cache
def document_of(api_name: str) -> dict[str, Any]:
    return dict(json.loads(document(api_name, EVERY)))


def operations(api_name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document_of(api_name)["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


@pytest.mark.parametrize("api_name", ABOUT)
def test_every_endpoint_is_there_with_a_sentence(api_name: str) -> None:
    said = {name: (operation["summary"], operation["description"]) for name, operation in operations(api_name)}
    assert said.keys() == {f"{each.method} {each.path}" for each in EVERY if each.api == api_name}
    assert all(summary and description for summary, description in said.values())


@pytest.mark.parametrize("api_name", ABOUT)
def test_every_reference_leads_somewhere_and_every_component_is_referred_to(api_name: str) -> None:
    whole = document_of(api_name)
    found = set(references(whole))
    kinds = ("schemas", "examples")
    there = {f"#/components/{kind}/{name}" for kind in kinds for name in whole["components"][kind]}
    assert found == there


@pytest.mark.parametrize("api_name", ABOUT)
def test_every_default_and_example_of_a_member_fits_its_schema(api_name: str) -> None:
    schemas = document_of(api_name)["components"]["schemas"]
    wrong = [
        (name, member, value)
        for name, schema in schemas.items()
        for member, described in schema.get("properties", {}).items()
        for value in (*described.get("examples", ()), *([described["default"]] if "default" in described else ()))
        if not Draft202012Validator(described | {"components": {"schemas": schemas}}).is_valid(value)
    ]
    assert wrong == []


@pytest.mark.parametrize("api_name", ABOUT)
def test_no_two_models_have_one_name(api_name: str) -> None:
    # pydantic tells two of a name apart by their modules, which nobody wants to read in a client's code.
    assert [name for name in document_of(api_name)["components"]["schemas"] if "__" in name] == []


@pytest.mark.parametrize("api_name", ABOUT)
def test_every_error_is_a_problem_with_its_codes(api_name: str) -> None:
    for name, operation in operations(api_name):
        for status, answer in operation["responses"].items():
            # A protocol of others has errors of its own shape; the edge's are problems there too.
            if int(status) >= HTTPStatus.BAD_REQUEST and (name not in SPEAKING or PROBLEM in answer["content"]):
                content = answer["content"][PROBLEM]
                narrowed = content["schema"]["allOf"][1]["properties"]
                assert narrowed["code"]["enum"] == list(content["examples"]), name
                assert narrowed["status"]["enum"] == [int(status)], name


def test_whoever_must_log_in_is_told_so() -> None:
    for api_name in ABOUT:
        for name, operation in operations(api_name):
            guarded = operation["security"] == [{"bearer": []}]
            # An empty requirement beside it: a token may be shown.
            assert guarded or operation["security"] in ([], [{"bearer": []}, {}]), name
            assert guarded == ("Needs the scope" in operation["description"]), name
            assert not guarded or {"401", "403"} <= operation["responses"].keys(), name
    assert "`admin`" in dict(operations("admin"))["GET /v1/admin/audit"]["description"]
    assert dict(operations("user"))["GET /v1/agents"]["security"] == []


def test_what_a_declaration_implies_is_answered() -> None:
    update = dict(operations("admin"))["PATCH /v1/admin/agents/{slug}"]["responses"]
    assert {
        "200",
        "400",
        "401",
        "403",
        "404",
        "412",
        "413",
        "415",
        "422",
        "428",
        "429",
        "500",
        "503",
        "504",
    } == update.keys()
    create = dict(operations("admin"))["POST /v1/admin/agents"]
    assert "Idempotency-Key" in {parameter["name"] for parameter in create["parameters"]}
    assert "409" in create["responses"]
    assert "304" in dict(operations("user"))["GET /v1/agents"]["responses"]


def test_queries_never_ask_for_null() -> None:
    listed = dict(operations("user"))["GET /v1/agents"]["parameters"]
    cursor = next(parameter for parameter in listed if parameter["name"] == "cursor")
    assert cursor["schema"]["type"] == "string"
    assert "null" not in json.dumps(listed)


def test_every_kind_of_body_is_described() -> None:
    published = dict(operations("broker"))
    kinds = {
        name: set(published[name]["requestBody"]["content"]) for name in ("POST /v1/events", "POST /v1/events/batch")
    }
    assert kinds["POST /v1/events"] == {"application/json", "application/cloudevents+json"}
    assert kinds["POST /v1/events/batch"] == {"application/cloudevents-batch+json"}
