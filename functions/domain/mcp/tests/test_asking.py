"""What agents ask, as clients of MCP are asked it, and what becomes of the answers."""

from typing import Any

import pytest

from functions.domain.mcp import asking
from functions.domain.mcp.asking import Asked, Declined
from functions.domain.mcp.calls import Call
from shared_psql_models.runs import Run

FORM: Any = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def asked(schema: Any = None, **more: Any) -> Asked:
    fields: Any = {"request": {"id": "ask_1", "text": "Which?", "schema": schema, **more}}
    found = asking.of_run(Run.model_construct(**fields))
    assert found is not None
    return found


def answer(content: Any, action: str = "accept") -> dict[str, Any]:
    return {"ask_1": {"action": action, "content": content}}


@pytest.mark.parametrize(
    ("schema", "content", "value"),
    [
        (FORM, {"name": "Ann"}, {"name": "Ann"}),
        ({"type": "boolean"}, {"value": True}, True),
        ({"type": "string", "enum": ["a", "b"]}, {"value": "b"}, "b"),
        ({"type": "array", "items": {"type": "object"}}, {"value": "[{}]"}, [{}]),
        ({"type": "array", "items": {"type": "object"}}, {"value": "no json"}, "no json"),
    ],
)
def test_any_schema_becomes_a_form_and_its_answer_what_the_agent_wants(schema: Any, content: Any, value: Any) -> None:
    wanted = asked(schema)
    form: Any = wanted.requests["ask_1"]["params"]
    assert form["requestedSchema"]["type"] == "object"
    given = asking.responses(wanted, answer(content))
    assert asking.value_of(wanted, given, schema) == value


@pytest.mark.parametrize("sent", [None, 42, [], {"ask_1": 42}, {"other": {}}, answer("Ann"), answer({"name": 1})])
def test_what_is_no_answer_counts_for_nothing(sent: Any) -> None:
    assert asking.responses(asked(FORM), sent) == {}


def test_whoever_declines_gives_no_value() -> None:
    wanted = asked(FORM)
    given = asking.responses(wanted, answer(None, "decline"))
    with pytest.raises(Declined):
        asking.value_of(wanted, given, FORM)


def test_an_agent_s_own_requests_are_asked_of_who_can_answer_them_and_each_once() -> None:
    roots: Any = {"method": "roots/list"}
    sampling: Any = {"method": "sampling/createMessage", "params": {}}
    tool: Any = {"id": "t", "name": "mcp.input_requests", "arguments": {"a": roots, "b": sampling}}
    client = Call(1, "tools/call", {}, {"roots": {}}, None, None)
    wanted = asked({"type": "object"}, tool=tool)
    assert (list(wanted.open_to(client)), wanted.lacks(client)) == (["a"], ["sampling"])
    given = asking.responses(wanted, {"a": {"roots": []}, "b": {"role": "assistant"}})
    assert given == {"a": {"roots": []}}
    assert list(asked({"type": "object"}, tool=tool, given=given).open) == ["b"]
