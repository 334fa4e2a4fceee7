"""The shapes that go over HTTP: bodies, queries, replies and pages."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Final, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, PrivateAttr, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from functions.domain.api_errors import BAD_CURSOR, Invalid

Location = tuple[str | int, ...]
"""A place in a document."""

Item = TypeVar("Item", bound="Reply")
ResponseType_co = TypeVar("ResponseType_co", bound="Reply", covariant=True)
Element = TypeVar("Element", bound="Body")
Value = TypeVar("Value")


FORM: Final = "application/x-www-form-urlencoded"
"""The media type of forms."""


class Body(BaseModel):
    """A request's JSON body: unknown fields are refused, and nothing is converted from one type to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    media_type: ClassVar[str] = "application/json"
    """The Content-Type of the body, which decides between the types of a parameter like `NewEvent | CloudEventBody`."""
    binary: ClassVar[bool] = False
    """Whether it may come as CloudEvents' binary mode too: `data` as the body, all else in headers."""


class ListBody(RootModel[list[Element]], Generic[Element]):
    """A request's JSON body that is an array."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    media_type: ClassVar[str] = "application/json"
    binary: ClassVar[bool] = False


AnyBody = Body | ListBody[Body]


_HIDDEN: Final = r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""Control characters, those of no width, and those that turn the direction of the text around them."""

_BLANK: Final = r"\s\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200c\u200d\u2800\u3164\uffa0"
"""Characters that may stand in a line, but show nothing by themselves."""

LINE: Final = rf"^[^{_HIDDEN}]*[^{_HIDDEN}{_BLANK}][^{_HIDDEN}]*$"
"""A pattern for a line of text in which there is something to see, and nothing that can't be seen."""


def _not_removed(value: Value | None) -> Value:
    """Return a member that was given."""
    if value is None:
        raise PydanticCustomError("not_removable", "Can't be taken away: leave it out, and it stays as it is")
    return value


class _WithoutNull:
    """In OpenAPI, a member may be all that its type says, but null."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        [value] = [each for each in handler(schema)["anyOf"] if each != {"type": "null"}]
        return dict(value)


def _left_out() -> None:
    """Return the value of a member that was left out."""


# A default would be part of the schema, which null doesn't fit.
Kept = Annotated[Value | None, AfterValidator(_not_removed), _WithoutNull(), Field(default_factory=_left_out)]
"""A member of a merge patch that can be changed but not taken away; None for one that is left out."""


class Query(BaseModel):
    """A request's query parameters: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ValidateOnly(Query):
    """The query of an endpoint that can be asked what it would answer."""

    validate_only: Annotated[
        bool, Field(description="Check everything, and change nothing: the answer to what would succeed is a 200.")
    ] = False


class Reply(BaseModel):
    """An answer's JSON body."""

    model_config = ConfigDict(frozen=True, from_attributes=True, hide_input_in_errors=True)

    cache_control: ClassVar[str] = "no-cache"
    """The Cache-Control header of an answer that has an ETag: keep it, but ask whether it still holds."""
    http_status: ClassVar[int | None] = None
    """The status of an answer that isn't the endpoint's usual one."""

    untold: ClassVar[frozenset[str]] = frozenset()
    """Fields of which the audit trail tells that they have changed, and not their values: they are people's own words,
    or addresses."""

    described_headers: ClassVar[Mapping[str, str]] = {}
    """What the headers of `headers` say, for the OpenAPI document, by their names."""

    def etag(self) -> str | None:
        """Return the value of the ETag header, without quotes; None for no header."""
        return None

    def headers(self) -> dict[str, str]:
        """Return further headers of the answer."""
        return {}


_CURSOR: Final = ("list", "key")
"""The parts of a cursor: the list that it belongs to, and the key of the last row."""


class PageQuery(Query):
    """How every list is paged."""

    limit: Annotated[int, Field(ge=1, le=100, description="How many items to return.")] = 20
    cursor: Annotated[
        str | None, Field(max_length=512, description="`next_cursor` of the page before; without it, the first page.")
    ] = None

    _list: str = PrivateAttr(default="")

    def belong_to(self, path: str) -> None:
        """Tell the query its list, by the list's path, so that `after` can refuse the cursors of others."""
        self._list = hashlib.sha256(path.encode(errors="replace")).hexdigest()[:8]

    def after(self) -> str | None:
        """Return the key of the last row of the page before, or None for the first page."""
        if self.cursor is None:
            return None
        try:
            told = json.loads(base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
        except (ValueError, binascii.Error, RecursionError):
            told = None
        key = told[1] if isinstance(told, list) and len(told) == len(_CURSOR) and told[0] == self._list else None
        if not isinstance(key, str) or "\x00" in key:
            raise Invalid(errors=[BAD_CURSOR])
        return key

    def page(self, rows: Sequence[object], item: type[Item], key: str = "id") -> "Page[Item]":
        """Build the page from up to `limit + 1` rows that were read in the order of the unique attribute `key`."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        told = json.dumps([self._list, getattr(shown[-1], key)]) if more else ""
        cursor = base64.urlsafe_b64encode(told.encode()).decode().rstrip("=") or None
        return Page[item](items=[item.model_validate(row) for row in shown], next_cursor=cursor)  # type: ignore[valid-type]


class Page(Reply, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")


class Cached(Generic[ResponseType_co]):
    """An answer whose JSON text is ready, with the ETag that goes with it."""

    def __init__(self, text: str) -> None:
        """`text` is the JSON; the ETag is made from it."""
        self.text = text
        self.etag = hashlib.sha256(text.encode()).hexdigest()[:32]
        """Without quotes."""


def nul_characters(value: object, location: Location = ()) -> Iterator[Location]:
    """Yield where in `value` there is a string with the character U+0000, which JSON allows and Postgres refuses."""
    if isinstance(value, str):
        if "\x00" in value:
            yield location
    elif isinstance(value, RootModel):
        yield from nul_characters(value.root, location)
    elif isinstance(value, BaseModel):
        yield from nul_characters(vars(value), location)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from nul_characters(name, location)
            yield from nul_characters(each, (*location, name))
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for index, each in enumerate(value):
            yield from nul_characters(each, (*location, index))


def pointer(location: Location) -> str:
    """Return a JSON Pointer (RFC 6901) to a place in a document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
