"""Defaults: what a schema says of members that a config leaves out."""

import json
from collections.abc import Iterator

from functions.domain.json_schemas import Json, Leading, referred


class TooMuchError(Exception):
    """The defaults would add more than there is room for."""


def filled(value: Json, schema: Json, leading: Leading, room: int) -> Json:
    """Return the value with defaults for the members that it lacks, where a schema gives one without a condition.

    They come after what was given, in the order of the schema. `leading` is of the keyword `default`. Raises
    TooMuchError when they are more than `room` bytes as JSON.
    """
    return _Filling(leading, room).of(value, [schema])


class _Filling:
    """Fills one value; what it may still add is counted."""

    def __init__(self, leading: Leading, room: int) -> None:
        self.leading = leading
        self.room = room

    def of(self, value: Json, schemas: list[Json]) -> Json:
        known = self._certain(schemas)
        if known and isinstance(value, dict):
            return self._members(value, known)
        if known and isinstance(value, list):
            return [self.of(each, list(_of_item(index, known))) for index, each in enumerate(value)]
        return value

    def _members(self, value: dict[str, Json], known: list[dict[str, Json]]) -> dict[str, Json]:
        named: dict[str, list[Json]] = {}
        for schema in known:
            for name, each in schema.get("properties", {}).items():
                named.setdefault(name, []).append(each)
        whole = dict(value)
        for name, each in named.items():
            if name not in value:
                given = next((schema for schema in self._certain(each) if "default" in schema), None)
                if given is not None:
                    whole[name] = self._copy(given["default"])
        return {name: self.of(each, named.get(name, [])) for name, each in whole.items()}

    def _certain(self, schemas: list[Json]) -> list[dict[str, Json]]:
        """Return the schemas that hold whatever the value is, and may lead to a default; references are followed."""
        found: dict[int, dict[str, Json]] = {}
        waiting = list(reversed(schemas))
        while waiting:
            schema = waiting.pop()
            if isinstance(schema, dict) and id(schema) not in found and self.leading(schema):
                found[id(schema)] = schema
                waiting += reversed(schema.get("allOf", []))
                if "$ref" in schema:
                    waiting.append(referred(self.leading.root, schema["$ref"]))
        return list(found.values())

    def _copy(self, default: Json) -> Json:
        text = json.dumps(default)
        self.room -= len(text)
        if self.room < 0:
            raise TooMuchError
        return json.loads(text)


def _of_item(index: int, schemas: list[dict[str, Json]]) -> Iterator[Json]:
    for schema in schemas:
        first = schema.get("prefixItems", [])
        yield first[index] if index < len(first) else schema.get("items")
