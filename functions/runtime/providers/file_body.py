"""The body of a request that is a file: bytes of one media type, whatever they mean."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from functions.domain.api_errors import Malformed, TooLarge, UnsupportedMediaType
from functions.runtime.providers.base import Call, Parameter, Provider, Schema, Schemas, is_a
from functions.runtime.providers.body import read_body, refuse_encoded


@dataclass(frozen=True)
class File:
    """A body of bytes. A descendant says of which media type."""

    content: bytes

    media_type: ClassVar[str] = "application/octet-stream"


class FileBody(Provider):
    """Fills a parameter that is a `File`."""

    errors = (Malformed, TooLarge, UnsupportedMediaType)

    taken: type[File]

    def __init__(self, parameter: Parameter) -> None:
        """Take the type from the parameter."""
        super().__init__(parameter)
        if is_a(parameter.annotation, File):
            self.taken = parameter.annotation

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is that of a file."""
        return is_a(parameter.annotation, File)

    @override
    def value(self, call: Call) -> File:
        """Return the body. Raises Malformed, TooLarge and UnsupportedMediaType."""
        if call.request.mimetype != self.taken.media_type:
            raise UnsupportedMediaType(f"Send {self.taken.media_type} as Content-Type.")
        refuse_encoded(call.request)
        return self.taken(read_body(call.request, call.declaration.max_body))

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the operation's `requestBody`."""
        told: Schema = {"schema": {"type": "string", "format": "binary"}, "example": "PK"}
        return {"requestBody": {"required": True, "content": {self.taken.media_type: told}}}
