"""The query of a request, checked against a handler's model."""

import re
from collections.abc import Iterator
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

import flask
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import override

from functions.domain.api_errors import FieldError, Invalid
from functions.runtime.providers.base import Call, Parameter, Provider, Schema, Schemas, is_a
from functions.runtime.providers.body import NUL, said
from functions.schemas.base import PageQuery, Query

AnyQuery = TypeVar("AnyQuery", bound=Query)

_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]+")


class QueryParameters(Provider):
    """Fills a parameter that is a descendant of `Query`."""

    reads_query = True

    def __init__(self, parameter: Parameter) -> None:
        """Take the model from the parameter's type."""
        super().__init__(parameter)
        if is_a(parameter.annotation, Query):
            self.model = parameter.annotation
        self.models = (self.model,)

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is a query's model."""
        return is_a(parameter.annotation, Query)

    @override
    def value(self, call: Call) -> Query:
        """Return the query. Raises Invalid."""
        return query(call.request, self.model)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return each field of the model as a parameter."""
        fields = schemas.properties(self.model)
        return {"parameters": [self._described(name, schema) for name, schema in fields.items()]}

    def _described(self, name: str, schema: Schema) -> Schema:
        given = dict(schema)
        description, kinds = given.pop("description", ""), given.pop("anyOf", None)
        if isinstance(kinds, list):
            # Null stands for "not given", which a query says by leaving the parameter out.
            [kind] = [each for each in kinds if isinstance(each, dict) and each != {"type": "null"}]
            given = kind | {key: value for key, value in given.items() if key != "default"}
        required = _fields(self.model)[name].is_required()
        described: Schema = {"name": name, "in": "query", "required": required, "description": description}
        # One parameter with commas, as the query refuses a name that comes twice.
        listed: Schema = {"explode": False} if given.get("type") == "array" else {}
        return {**described, **listed, "schema": given}


def query(request: flask.Request, model: type[AnyQuery]) -> AnyQuery:
    """Return the query parameters as `model`. Raises Invalid with every error at its parameter."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise Invalid(errors=[FieldError(f"?{name}", "repeated", "Give this parameter once.") for name in repeated])
    if errors := [FieldError(f"?{name}", *NUL) for name, value in request.args.items() if "\x00" in name + value]:
        raise Invalid(errors=errors)
    if errors := [*_not_utf8(request), *_not_whole(request, model)]:
        raise Invalid(errors=errors)
    try:
        return _of_list(request, model.model_validate(dict(request.args)))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [
            FieldError("?" + ".".join(map(str, each["loc"])), each["type"], said(each, model)) for each in details
        ]
        raise Invalid(errors=errors) from None


def _fields(model: type[Query]) -> dict[str, FieldInfo]:
    """Return the fields of a query by the names that its parameters have."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _not_utf8(request: flask.Request) -> Iterator[FieldError]:
    """Yield an error for each parameter whose bytes aren't UTF-8."""
    for part in request.query_string.split(b"&"):
        try:
            unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            name = part.partition(b"=")[0].decode(errors="replace")
            yield FieldError(f"?{name}", "not_utf8", "This is not UTF-8.")


def _not_whole(request: flask.Request, model: type[Query]) -> Iterator[FieldError]:
    """Yield an error for each whole number that has a plus or white space, which pydantic takes and JSON doesn't."""
    fields = _fields(model)
    for name, value in request.args.items():
        field = fields.get(name)
        if field is not None and field.annotation is int and not _WHOLE_NUMBER.fullmatch(value):
            yield FieldError(f"?{name}", "int_parsing", "Write a whole number in digits.")


def _of_list(request: flask.Request, found: AnyQuery) -> AnyQuery:
    if isinstance(found, PageQuery):
        found.belong_to(request.path)
    return found
