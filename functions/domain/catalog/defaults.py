"""Defaults: the values that a schema gives to members that a config leaves out."""

import json
from collections.abc import Iterator

from functions.domain.json_schemas import Json, Leading, referred


class TooMuchError(Exception):
    """The defaults would add more bytes to a value than there is room for."""


def filled(value: Json, schema: Json, leading: Leading, room: int) -> Json:
    """Return the value with defaults for the members that it lacks, where a schema gives one without a condition.

    They come after what was given, in the order of the schema. `leading` is of the keyword `default`. Raises
    TooMuchError when they are more than `room` bytes as JSON.
    """
    return _Filling(leading, room).of(value, [schema])


class _Filling:
    """Fills one value. It counts the bytes that it may still add, and works out once what the same schemas say.

    Objects are known by their identities: the schema outlives the work, and comparing it by value would take longer
    than to fill the value.
    """

    def __init__(self, leading: Leading, room: int) -> None:
        self.leading = leading
        self.room = room
        self._known: dict[tuple[int, ...], list[dict[str, Json]]] = {}
        self._named: dict[int, dict[str, list[Json]]] = {}
        self._missing: dict[int, dict[str, Json]] = {}

    def of(self, value: Json, schemas: list[Json]) -> Json:
        known = self._certain(schemas)
        if known and isinstance(value, dict):
            return self._members(value, known)
        if known and isinstance(value, list):
            own = max(len(schema.get("prefixItems", ())) for schema in known)
            items = [list(_of_item(index, known)) for index in range(own + 1)]
            return [self.of(each, items[min(index, own)]) for index, each in enumerate(value)]
        return value

    def _members(self, value: dict[str, Json], known: list[dict[str, Json]]) -> dict[str, Json]:
        if id(known) not in self._named:
            named: dict[str, list[Json]] = {}
            for schema in known:
                for name, each in schema.get("properties", {}).items():
                    if self.leading(each):
                        named.setdefault(name, []).append(each)
            given = {
                name: [each for each in self._certain(several) if "default" in each] for name, several in named.items()
            }
            self._named[id(known)] = named
            self._missing[id(known)] = {name: several[0]["default"] for name, several in given.items() if several}
        named, missing = self._named[id(known)], self._missing[id(known)]
        whole = value | {name: self._copy(default) for name, default in missing.items() if name not in value}
        return {name: self.of(each, named.get(name, [])) for name, each in whole.items()}

    def _certain(self, schemas: list[Json]) -> list[dict[str, Json]]:
        """Return the schemas that hold whatever the value is, and may lead to a default; references are followed."""
        key = tuple(map(id, schemas))
        if key not in self._known:
            found: dict[int, dict[str, Json]] = {}
            waiting = list(reversed(schemas))
            while waiting:
                schema = waiting.pop()
                if isinstance(schema, dict) and id(schema) not in found and self.leading(schema):
                    found[id(schema)] = schema
                    waiting += reversed(schema.get("allOf", []))
                    if "$ref" in schema:
                        waiting.append(referred(self.leading.root, schema["$ref"]))
            self._known[key] = list(found.values())
        return self._known[key]

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
