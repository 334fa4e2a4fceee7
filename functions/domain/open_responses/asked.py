"""What a request of Open Responses says: its items sorted into what an agent is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import JsonValue

from functions.domain.api_errors import FieldError, Invalid
from functions.domain.instances.contexts import MESSAGE_BYTES, EarlierMessage
from functions.domain.open_responses import names
from functions.domain.open_responses.resources import Object

_ATTACHED: Final = ("input_image", "input_file", "input_audio", "input_video")

_TOLD: Final = ("item_reference", "reasoning", "compaction", "botberi:tool_call", "botberi:data")
"""Items of earlier responses that say nothing new."""


@dataclass(frozen=True)
class Output:
    """What a function of the client's has returned."""

    call_id: str
    text: str


@dataclass
class Said:
    """What a request says."""

    text: str | None = None
    """What is new; None if functions' outputs are."""
    outputs: list[Output] = field(default_factory=list)
    history: list[EarlierMessage] = field(default_factory=list)
    """The messages before it, oldest first."""
    instructions: list[str] = field(default_factory=list)
    attachments: list[JsonValue] = field(default_factory=list)
    """Images and files that came with the text, as they were sent."""
    run_id: str | None = None
    """The run that has called the functions, if one of the items tells."""


def said(given: str | Sequence[Object], instructions: str | None) -> Said:
    """Return what a request says. Raises Invalid for what can't be told to an agent."""
    items: Sequence[Object] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    found = Said(instructions=[instructions] if instructions else [])
    for index, item in enumerate(items):
        _take(found, item, f"/input/{index}")
    if found.text is None and not found.outputs:
        raise _wrong("/input", "missing", "A message of the user's is wanted, or what a function has returned.")
    if found.text is not None and not found.text.strip() and not found.attachments:
        raise _wrong("/input", "empty", "The user's message says nothing.")
    if found.text is not None and len(found.text.encode()) > MESSAGE_BYTES:
        raise _wrong("/input", "too_long", f"A message has up to {MESSAGE_BYTES:,} bytes of UTF-8.")
    return found


def _take(found: Said, item: Object, place: str) -> None:
    kind = item.get("type", "message")
    match kind:
        case "message":
            _take_message(found, item, place)
        case "function_call":
            found.run_id = names.run_of_call(str(item.get("id"))) or found.run_id
        case "function_call_output":
            output = "\n".join(_texts(item.get("output"), f"{place}/output"))
            found.outputs.append(Output(str(item.get("call_id")), output))
            _keep(found)
        case _ if kind in _TOLD:
            pass
        case _:
            raise _wrong(f"{place}/type", "unsupported", f"An item {kind!r} can't be told to an agent.")


def _take_message(found: Said, item: Object, place: str) -> None:
    content = item.get("content")
    text = "\n".join(_texts(content, f"{place}/content"))
    match item.get("role"):
        case "user":
            _keep(found)
            found.outputs = []
            found.text = text
            found.attachments = list(_attached(content))
        case "assistant":
            _keep(found)
            found.history += _message("agent", text)
        case "system" | "developer":
            found.instructions.append(text)
        case _:
            raise _wrong(f"{place}/role", "unknown", "The role is user, assistant, system or developer.")


def _keep(found: Said) -> None:
    """Have a message that isn't the last one be of the history."""
    if found.text is not None:
        found.history += _message("user", found.text)
    found.text = None
    found.attachments = []


def _message(role: Literal["user", "agent"], text: str) -> list[EarlierMessage]:
    return [EarlierMessage(role=role, text=text)] if text else []


def _texts(content: JsonValue, place: str) -> Iterator[str]:
    """Yield the texts of a content. Raises Invalid for a part that is none of those there are."""
    if isinstance(content, str):
        yield content
        return
    for index, part in enumerate(_list(content, place)):
        here = f"{place}/{index}"
        if not isinstance(part, dict):
            raise _wrong(here, "not_an_object", "A part of a message is an object.")
        kind = str(part.get("type"))
        # Some parts have their text by the name of their type.
        text = part.get("text", part.get(kind))
        if isinstance(text, str):
            yield text
        elif kind not in _ATTACHED:
            raise _wrong(here, "unsupported", f"A part {kind!r} without a text can't be told to an agent.")


def _list(content: JsonValue, place: str) -> list[JsonValue]:
    if not isinstance(content, list):
        raise _wrong(place, "wrong_type", "A text is wanted, or a list of parts.")
    return content


def _attached(content: JsonValue) -> Iterator[JsonValue]:
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and part.get("type") in _ATTACHED:
            yield part


def _wrong(place: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(place, code, message)])
