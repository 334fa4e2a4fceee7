"""What a response was asked, as items of Open Responses."""

import json
from typing import Final

from pydantic import JsonValue

from functions.domain.databases import SharedDb
from functions.domain.open_responses.names import Named, item_id
from functions.domain.open_responses.resources import Object
from functions.domain.runs import parts
from shared_psql_models.runs import Run

_ROLES: Final = {"user": ("user", "input_text"), "agent": ("assistant", "output_text")}


def items(db: SharedDb, named: Named, run: Run) -> list[Object]:
    """Return the items of a response's request, oldest first; none if the run has no such part."""
    if named.part:
        return [
            {
                "type": "function_call_output",
                "id": item_id("fco", run.id, number),
                "call_id": answer["id"],
                "output": _text(answer["value"]),
                "status": "completed",
            }
            for number, answer in enumerate(parts.answers(db, run.id), start=1)
            if number == named.part
        ]
    history = run.message.get("history")
    said = [*(history if isinstance(history, list) else []), {"role": "user", "text": run.message["text"]}]
    return [_message(run, number, each) for number, each in enumerate(said) if isinstance(each, dict)]


def _message(run: Run, number: int, said: dict[str, JsonValue]) -> Object:
    role, kind = _ROLES[str(said["role"])]
    more: Object = {"annotations": [], "logprobs": []} if kind == "output_text" else {}
    return {
        "type": "message",
        "id": item_id("msg", run.id, number),
        "status": "completed",
        "role": role,
        "content": [{"type": kind, "text": said["text"], **more}],
    }


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
