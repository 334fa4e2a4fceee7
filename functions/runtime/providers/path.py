"""Values from the path, by the names in its template."""

from functools import cached_property

from pydantic import TypeAdapter, ValidationError
from typing_extensions import override

from functions.domain.api_errors import NotFound
from functions.runtime.providers.base import Call, Parameter, Provider, Schema, Schemas
from functions.runtime.routes import RouteNotFound


class PathValue(Provider):
    """Fills a parameter that has the name of a part of the path; its type is any that can be read from text."""

    errors = (NotFound, RouteNotFound)

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether the path's template has the parameter's name."""
        return parameter.in_path

    # Not before a value is needed: it takes longer than all else about a declaration.
    @cached_property
    def _adapter(self) -> TypeAdapter[object]:
        return TypeAdapter(self.annotation)

    @override
    def value(self, call: Call) -> object:
        """Return the value. Raises NotFound for a text that is no value of the type: nothing can be there."""
        text = call.path_values[self.name]
        if "\x00" in text:
            raise NotFound
        try:
            return self._adapter.validate_python(text)
        except ValidationError:
            raise NotFound from None

    def schema(self) -> Schema:
        """Return the schema of the value, whole: that of an enum too, which pydantic would refer to by its name."""
        schema = self._adapter.json_schema()
        name = schema.pop("$ref", "").removeprefix("#/$defs/")
        return {**schema.pop("$defs", {}).get(name, {}), **schema}

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the value as a parameter."""
        schema = self.schema()
        described: Schema = {"name": self.name, "in": "path", "required": True, "schema": schema}
        # Swagger UI fills in what the parameter itself gives as an example, and nothing that its schema does.
        if isinstance(examples := schema.get("examples"), list):
            described["example"] = examples[0]
        return {"parameters": [described]}
