"""Models as JSON Schemas for OpenAPI 3.1, and examples made from them."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, get_args, get_origin

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from functions.runtime.declarations import Declaration
from functions.runtime.providers.query import QueryParameters
from functions.schemas.base import Cached
from tools.documents import Document

Schema = Document
Model = tuple[type[BaseModel], Literal["validation", "serialization"]]

REFERENCE: Final = "#/components/schemas/{model}"


class Schemas:
    """The schemas of every model that some endpoints take or give, named once for the whole document."""

    def __init__(self, declarations: Sequence[Declaration]) -> None:
        """Collect the models of `declarations`."""
        models = dict.fromkeys(model for declaration in declarations for model in _models(declaration))
        self._references, collected = models_json_schema(list(models), ref_template=REFERENCE)
        self.components: Schema = dict(sorted(collected.get("$defs", {}).items()))
        queries = [each.model for declaration in declarations if (each := declaration.parameter(QueryParameters))]
        self._spelt_out = {self._name(self.reference(query, "validation")) for query in queries}

    @property
    def shown(self) -> Schema:
        """The components without the models of queries, which are spelt out as parameters."""
        return {name: schema for name, schema in self.components.items() if name not in self._spelt_out}

    def reference(self, model: type[BaseModel], mode: Literal["validation", "serialization"]) -> Schema:
        """Return the `$ref` to a model's schema."""
        return self._references[(model, mode)]

    def resolved(self, schema: Schema) -> Schema:
        """Return the schema that a `$ref` points at, or the schema itself."""
        name = self._name(schema)
        return self.components[name] if name else schema

    def properties(self, model: type[BaseModel]) -> dict[str, Schema]:
        """Return the schemas of a model's fields."""
        found: dict[str, Schema] = self.resolved(self.reference(model, "validation"))["properties"]
        return found

    @staticmethod
    def _name(schema: Schema) -> str:
        return str(schema.get("$ref", "")).rpartition("/")[2]

    def example(self, schema: Schema) -> JsonValue:
        """Return a value that fits: the schema's own example or default, or the plainest value of its type."""
        schema = self.resolved(schema)
        given: list[JsonValue] = [*schema.get("examples", ()), *schema.get("enum", ())]
        given += [schema[keyword] for keyword in ("default", "const") if keyword in schema]
        if given:
            return given[0]
        if "anyOf" in schema:
            return self.example(schema["anyOf"][0])
        return self._plainest(schema)

    def _plainest(self, schema: Schema) -> JsonValue:
        match schema.get("type"):
            case "object":
                required = schema.get("required", ())
                properties = schema.get("properties", {}).items()
                return {
                    name: self.example(each) for name, each in properties if name in required or each.get("examples")
                }
            case "array":
                return [self.example(schema["items"])] if schema.get("minItems") else []
            case "integer" | "number":
                least: JsonValue = schema.get("minimum", 0)
                return least
            case "boolean":
                return True
            case _:
                return "text"[: schema.get("maxLength", 4)].ljust(schema.get("minLength", 0), "x")


def reply_of(declaration: Declaration) -> type[BaseModel] | None:
    """Return the model of an endpoint's success, or None for an empty answer."""
    reply = declaration.reply
    if get_origin(reply) is Cached:
        reply = get_args(reply)[0]
    return reply if isinstance(reply, type) and issubclass(reply, BaseModel) else None


def _models(declaration: Declaration) -> Iterable[Model]:
    for parameter in declaration.all_parameters:
        for model in parameter.models:
            yield model, "validation"
    reply = reply_of(declaration)
    if reply is not None:
        yield reply, "serialization"
    for other in declaration.other_replies:
        yield other, "serialization"
