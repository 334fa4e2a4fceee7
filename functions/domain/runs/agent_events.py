"""Events: what an agent says while it answers, one after the other.

What comes from an agent is trusted in nothing: `parse` returns what can be kept and passed on as it is, or says in a
sentence what is wrong with it.
"""

import json
import math
import re
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
)

from functions.domain.json_schemas import LARGEST

REPLY_BYTES: Final = 1024 * 1024
"""Bytes of UTF-8 that all text of a reply may have together."""

EVENT_BYTES: Final = 1024 * 1024
"""Bytes that one event may have as JSON in UTF-8, but for text, which counts as a part of the reply."""

EVENTS: Final = 100_000
"""How many one answer may have."""

DEPTH: Final = 64
"""Levels to which JSON in an event may be nested."""

WAIT_SECONDS: Final = 30 * 24 * 60 * 60
"""The longest that an agent may have an answer waited for."""

_MEASURES: Final = 32
"""Numbers of an agent's own in a usage."""

_HIGHEST_COST: Final = 10**9
_COST_PLACES: Final = 12
_COST_CHARACTERS: Final = 40

# Half a surrogate pair has no encoding, and Postgres keeps no NUL.
_UNFIT: Final = re.compile("[\\x00\\ud800-\\udfff]")
_PAIR: Final = re.compile("[\\ud800-\\udbff][\\udc00-\\udfff]")


def _short(cost: object) -> object:
    """Return what may be a cost. Raises ValueError."""
    if isinstance(cost, bool) or (isinstance(cost, str | int) and len(str(cost)) > _COST_CHARACTERS):
        raise ValueError(f"a cost is a number of up to {_COST_CHARACTERS} characters")
    return cost


def _rounded(cost: Decimal) -> Decimal:
    """Return a cost with no more places than mean anything: a product of floats has more."""
    return cost if round(cost, _COST_PLACES) == cost else round(cost, _COST_PLACES).normalize()


Name = Annotated[str, Field(min_length=1, max_length=256)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Cost = Annotated[
    Decimal,
    Field(ge=0, le=_HIGHEST_COST, strict=False),
    BeforeValidator(_short),
    AfterValidator(_rounded),
]
"""A decimal as text, or a number."""


class EventInvalid(Exception):
    """What an agent said is no event: the message says why, for its author."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Text(_Event):
    """A piece of the reply."""

    type: Literal["text"]
    text: str


class ToolCall(_Event):
    """The agent calls a tool of its own: this is told, and nothing is done about it."""

    type: Literal["tool_call"]
    id: Name
    name: Name
    arguments: dict[str, JsonValue]


class ToolResult(_Event):
    """What the tool has returned."""

    type: Literal["tool_result"]
    id: Name
    """Of the call."""
    content: JsonValue


class Status(_Event):
    """What the agent is doing."""

    type: Literal["status"]
    text: Annotated[str, Field(max_length=4096)]


class Data(_Event):
    """Structured data that belongs to the reply."""

    type: Literal["data"]
    data: JsonValue
    name: Name | None = None


class Usage(_Event):
    """What the answer has taken beyond what was said before; several in one answer add up."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, Annotated[int | float, Field(ge=0, le=LARGEST)]]

    type: Literal["usage"]
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost: Cost | None = None
    """In the currency of the platform's budgets."""


class WantedCall(_Event):
    """A tool of the client's that the agent wants called."""

    id: Name
    name: Name
    arguments: dict[str, JsonValue]


class Input(_Event):
    """The agent asks for something, and its answer ends here: it is called anew once it has what it asked for."""

    type: Literal["input"]
    text: str
    """The question."""
    schema_: Annotated[dict[str, JsonValue], Field(alias="schema")]
    """A JSON Schema of what is wanted."""
    seconds: Annotated[int, Field(ge=1, le=WAIT_SECONDS)] | None = None
    """How long to wait for it."""
    tool: WantedCall | None = None
    """What is called to get it, where it is no person who is asked."""


AgentEvent = Text | ToolCall | ToolResult | Status | Data | Usage | Input

_ANY: Final[TypeAdapter[AgentEvent]] = TypeAdapter(Annotated[AgentEvent, Field(discriminator="type")])


def decoded(text: bytes | str) -> JsonValue:
    """Return a text of JSON as a value that can be kept and passed on. Raises EventInvalid for what can't."""
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise EventInvalid(_TOO_DEEP) from None
    except ValueError as error:
        raise EventInvalid(f"What the agent said is no JSON: {error}.") from None
    return _kept(value, DEPTH)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text[:40])


_TOO_DEEP: Final = f"What the agent said is nested more than {DEPTH} levels deep."


def _kept(value: JsonValue, depth: int) -> JsonValue:
    """Return the value with what can't be kept of texts replaced. Raises EventInvalid if it is nested too deeply."""
    if isinstance(value, str):
        return fit(value)
    if isinstance(value, dict | list) and not depth:
        raise EventInvalid(_TOO_DEEP)
    if isinstance(value, dict):
        return {fit(name): _kept(each, depth - 1) for name, each in value.items()}
    return [_kept(each, depth - 1) for each in value] if isinstance(value, list) else value


def fit(text: str) -> str:
    """Return a text with a replacement character in the place of each half surrogate pair and NUL."""
    if not _UNFIT.search(text):
        return text
    # Two halves that stand together are a character.
    whole = _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return _UNFIT.sub("\ufffd", whole)


def event(value: JsonValue) -> AgentEvent:
    """Return what a decoded value says: a text alone is a piece of the reply. Raises EventInvalid."""
    if isinstance(value, str):
        return Text(type="text", text=value)
    if not isinstance(value, dict):
        raise EventInvalid("What the agent said is neither a text nor an object with a `type`.")
    try:
        found = _ANY.validate_python(value)
    except ValidationError as error:
        raise EventInvalid(_wrong(value.get("type"), error)) from None
    if isinstance(found, Usage) and len(found.__pydantic_extra__) > _MEASURES:
        raise EventInvalid(f"The agent's event 'usage' has more than {_MEASURES} numbers of its own.")
    return found


def _wrong(kind: JsonValue, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    if not place:
        return f"The agent's event has no type that is known: {first['msg']}."[:500]
    return f"The agent's event {kind!r} is wrong at {place}: {first['msg']}."[:500]


def encoded(said: AgentEvent) -> bytes:
    """Return an event as JSON in UTF-8, with what was said of it alone. Raises EventInvalid if it is too long."""
    text = said.model_dump_json(by_alias=True, exclude_unset=True).encode()
    if len(text) > EVENT_BYTES and not isinstance(said, Text):
        raise EventInvalid(f"The agent's event {said.type!r} is longer than {EVENT_BYTES} bytes.")
    return text


def check_schema(asked: Input) -> None:
    """Raise EventInvalid unless any value can be checked by what is asked in a moment. It may itself take a second."""
    # Only who asks by a schema needs it.
    from functions.domain.catalog import config_schemas
    from functions.domain.catalog.config_schemas import ConfigSchemaInvalid

    try:
        config_schemas.check_bounded(asked.schema_)
    except ConfigSchemaInvalid as error:
        [wrong] = error.errors
        place = wrong.pointer.removeprefix("/config_schema")
        raise EventInvalid(
            f"The agent's event 'input' has a wrong schema{place and f' at {place}'}: {wrong.message}"
        ) from None
