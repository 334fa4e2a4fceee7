"""What the headers and the query of a request say to A2A, whichever binding it comes by."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

import flask
from pydantic import JsonValue
from typing_extensions import override

from functions.domain.a2a.cards import RESUMING, VERSION
from functions.domain.a2a.errors import InvalidParams, VersionNotSupported
from functions.domain.a2a.requests import Params
from functions.runtime import idempotency
from functions.runtime.providers.base import Call, Parameter, Provider, Schema, Schemas, is_a

_VERSION_NAME: Final = "A2A-Version"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class A2ARequest:
    """What a request says beside its body. A descendant names the parameters that may be in its query."""

    version: str
    """Of A2A, as the client has it; empty if it says none, which stands for 0.3."""
    extensions: frozenset[str]
    """Those that the client asks for."""
    last_event_id: int | None
    """The last event of a stream that was cut, which the client has seen; None for a stream from now on."""
    key: str | None
    """Idempotency-Key."""
    query: dict[str, str]

    params: ClassVar[type[Params] | None] = None
    """The parameters that are in the query."""

    def check(self) -> None:
        """Raise VersionNotSupported."""
        if re.fullmatch(rf"{re.escape(VERSION)}(\.[0-9]+)?", self.version) is None:
            said = f"This is version {self.version}" if self.version else "This names no version, as those of 0.3 do"
            raise VersionNotSupported(f"{said}: send the header {_VERSION_NAME}: {VERSION}.")

    @property
    def resumes(self) -> bool:
        """Return whether the client knows how streams go on where they were cut."""
        return RESUMING in self.extensions


class A2AHeaders(Provider):
    """Fills a parameter that is an `A2ARequest`."""

    reads_query = True
    errors = (VersionNotSupported, InvalidParams)

    taken: type[A2ARequest]

    def __init__(self, parameter: Parameter) -> None:
        """Take the type from the parameter."""
        super().__init__(parameter)
        if is_a(parameter.annotation, A2ARequest):
            self.taken = parameter.annotation

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is that of what a request says to A2A."""
        return is_a(parameter.annotation, A2ARequest)

    @override
    def value(self, call: Call) -> A2ARequest:
        """Return what the request says. Raises InvalidParams."""
        headers, query = call.request.headers, call.request.args.to_dict()
        told = headers.get("Last-Event-ID")
        if told is not None and not _NUMBER.fullmatch(told):
            raise InvalidParams("Last-Event-ID: this is the id of no event of a stream.")
        if any("\x00" in name + value for name, value in query.items()):
            raise InvalidParams("The query has the character U+0000.")
        named = query.pop(_VERSION_NAME, "")
        return self.taken(
            version=headers.get(_VERSION_NAME, named).strip(),
            extensions=frozenset(_listed(call.request, "A2A-Extensions")),
            last_event_id=None if told is None else int(told),
            key=_key(headers.get("Idempotency-Key")),
            query=query,
        )

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the header and the query as parameters."""
        model = self.taken.params
        fields = {} if model is None else model.model_json_schema()["properties"]
        told = "The version of A2A that the client speaks."
        version: Schema = {"name": _VERSION_NAME, "in": "header", "required": True, "schema": {"type": "string"}}
        query: list[JsonValue] = [
            {"name": name, "in": "query", "required": False, "schema": each} for name, each in fields.items()
        ]
        return {"parameters": [version | {"description": told, "example": VERSION}, *query]}


def _listed(request: flask.Request, name: str) -> list[str]:
    return [each.strip() for each in request.headers.get(name, "").split(",") if each.strip()]


def _key(key: str | None) -> str | None:
    """Return an Idempotency-Key. Raises InvalidParams for what is none."""
    if key is not None and not idempotency.KEY.match(key):
        raise InvalidParams(idempotency.IdempotencyKeyMalformed.message())
    return key
