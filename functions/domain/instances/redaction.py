"""Redaction: a config as it may be shown, without the values of properties that its schema calls `writeOnly`."""

from collections.abc import Collection, Iterator
from typing import Final

from functions.domain.json_schemas import Json, Leading, escaped, in_place, matches, replaced

REDACTED: Final = "********"

_UNKNOWN: Final = {"writeOnly": True}
"""What a reference that can't be followed is taken for: rather a mask too many than a secret shown."""


def places_of_secrets(config: Json, schema: Json) -> dict[str, Json]:
    """Return every value that any part of its schema calls a secret, by its JSON Pointer."""
    return dict(_Walk(Leading(schema, "writeOnly")).secrets(config, [schema], ""))


def redacted(config: Json, places: Collection[str]) -> Json:
    """Return the config with the values at these places masked; all of it when `""` is among them."""
    if "" in places:
        return dict.fromkeys(config, REDACTED)
    return replaced(config, dict.fromkeys(places, REDACTED))


class _Walk:
    """Goes through a config beside its schema; what the same schemas say is worked out once for all of their values."""

    def __init__(self, leading: Leading) -> None:
        self.leading = leading
        self._speaking: dict[tuple[int, ...], list[dict[str, Json]]] = {}
        self._below: dict[tuple[int, str | int], list[Json]] = {}

    def secrets(self, value: Json, schemas: list[Json], place: str) -> Iterator[tuple[str, Json]]:
        """Yield the secrets in a value by their places."""
        known = self._known(schemas)
        if any(schema.get("writeOnly") is True for schema in known):
            yield place, value
            return
        if known and isinstance(value, dict):
            for name, child in value.items():
                yield from self.secrets(child, self._of(known, name), f"{place}/{escaped(name)}")
        if known and isinstance(value, list):
            # Items beyond the last that has a schema of its own are alike.
            own = max(len(schema.get("prefixItems", ())) for schema in known)
            for index, child in enumerate(value):
                yield from self.secrets(child, self._of(known, min(index, own)), f"{place}/{index}")

    def _of(self, known: list[dict[str, Json]], part: str | int) -> list[Json]:
        key = id(known), part
        if key not in self._below:
            below = _of_property(part, known) if isinstance(part, str) else _of_item(part, known)
            self._below[key] = [each for each in below if isinstance(each, dict) and self.leading(each)]
        return self._below[key]

    def _known(self, schemas: list[Json]) -> list[dict[str, Json]]:
        key = tuple(map(id, schemas))
        if key not in self._speaking:
            self._speaking[key] = _speaking(schemas, self.leading)
        return self._speaking[key]


def _speaking(schemas: list[Json], leading: Leading) -> list[dict[str, Json]]:
    """Return every schema of the same place that may lead to a secret: references followed, alternatives opened."""
    found: dict[int, dict[str, Json]] = {}
    waiting = list(schemas)
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, dict) and id(schema) not in found and leading(schema):
            found[id(schema)] = schema
            waiting += [_UNKNOWN if each is None else each for each in in_place(schema, leading.root)]
    return list(found.values())


def _of_property(name: str, schemas: list[dict[str, Json]]) -> Iterator[Json]:
    for schema in schemas:
        patterns = schema.get("patternProperties", {})
        matching = [patterns[pattern] for pattern in patterns if matches(pattern, name)]
        yield from matching
        if name in schema.get("properties", {}):
            yield schema["properties"][name]
        elif not matching:
            yield schema.get("additionalProperties")
        yield schema.get("unevaluatedProperties")


def _of_item(index: int, schemas: list[dict[str, Json]]) -> Iterator[Json]:
    for schema in schemas:
        first = schema.get("prefixItems", [])
        yield first[index] if index < len(first) else schema.get("items")
        yield schema.get("contains")
        yield schema.get("unevaluatedItems")
