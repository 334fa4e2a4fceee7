"""What a RunAgentInput of AG-UI says: the new message or answers, and what the agent is told beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from functions.domain.api_errors import FieldError, Invalid
from functions.domain.instances.contexts import MESSAGE_BYTES, EarlierMessage

Object = dict[str, JsonValue]


@dataclass
class Said:
    """What a request says."""

    text: str | None = None
    """The user's last message, if nothing of the agent's follows it."""
    message_id: str | None = None
    """The one that the client has given it."""
    history: list[EarlierMessage] = field(default_factory=list)
    """The messages before it, oldest first."""
    instructions: list[str] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    """What tools of the client's have returned since the user's last message, by the ids of their calls."""
    attachments: list[JsonValue] = field(default_factory=list)


def said(messages: Sequence[Object]) -> Said:
    """Return what messages say. Raises Invalid."""
    found = Said()
    for index, message in enumerate(messages):
        _take(found, message, f"/messages/{index}")
    if found.text is not None and not found.text.strip() and not found.attachments:
        raise _wrong("/messages", "empty", "The user's message says nothing.")
    if found.text is not None and len(found.text.encode()) > MESSAGE_BYTES:
        raise _wrong("/messages", "too_long", f"A message has up to {MESSAGE_BYTES:,} bytes of UTF-8.")
    return found


def _take(found: Said, message: Object, place: str) -> None:
    role = message.get("role")
    text = "\n".join(_texts(message.get("content", ""), f"{place}/content"))
    match role:
        case "user":
            _keep(found)
            found.results = {}
            found.text = text
            found.message_id = str(message["id"])[:256] if "id" in message else None
            found.attachments = list(_attached(message.get("content")))
        case "tool":
            _keep(found)
            found.results[str(message.get("toolCallId"))] = text
        case "assistant":
            _keep(found)
            found.history += [EarlierMessage(role="agent", text=text)] if text else []
        case "system" | "developer":
            found.instructions.append(text)
        case "activity" | "reasoning":
            pass
        case _:
            raise _wrong(f"{place}/role", "unknown", "There is no message of this role.")


def _keep(found: Said) -> None:
    """Have a message that isn't the last one be of the history."""
    if found.text:
        found.history.append(EarlierMessage(role="user", text=found.text))
    found.text = found.message_id = None
    found.attachments = []


def _texts(content: JsonValue, place: str) -> Iterator[str]:
    if content is None:
        return
    if isinstance(content, str | dict):
        # An activity's content is an object.
        yield content if isinstance(content, str) else ""
        return
    if not isinstance(content, list):
        raise _wrong(place, "wrong_type", "A text is wanted, or a list of parts.")
    for index, part in enumerate(content):
        if not isinstance(part, dict) or (part.get("type") == "text" and not isinstance(part.get("text"), str)):
            raise _wrong(f"{place}/{index}", "wrong_type", "A part is an object, and one of type text has a text.")
        if part.get("type") == "text":
            yield str(part["text"])


def _attached(content: JsonValue) -> Iterator[JsonValue]:
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and part.get("type") != "text":
            yield part


def _wrong(place: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(place, code, message)])
