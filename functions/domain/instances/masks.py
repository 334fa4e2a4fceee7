"""Masks: a config as it may be shown, without the values of properties that its schema calls `writeOnly`."""

import re
from collections.abc import Iterator
from typing import Any, Final

Json = Any
"""What JSON can hold."""

MASK: Final = "********"

_ALTERNATIVES: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONAL: Final = ("if", "then", "else", "not")

_UNKNOWN: Final = {"writeOnly": True}
"""What a reference that can't be followed is taken for: rather a mask too many than a secret shown."""


def masked(config: Json, schema: Json) -> Json:
    """Return the config with every value masked that any part of its schema calls a secret."""
    return _masked(config, [schema], schema)


def _masked(value: Json, schemas: list[Json], root: Json) -> Json:
    known = list(_expanded(schemas, root))
    if any(schema.get("writeOnly") is True for schema in known):
        return MASK
    if isinstance(value, dict):
        return {name: _masked(child, list(_of_property(name, known)), root) for name, child in value.items()}
    if isinstance(value, list):
        return [_masked(child, list(_of_item(index, known)), root) for index, child in enumerate(value)]
    return value


def _expanded(schemas: list[Json], root: Json) -> Iterator[dict[str, Json]]:
    """Yield every schema that speaks of the same place: references followed, alternatives opened."""
    seen: set[int] = set()
    waiting = list(schemas)
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        if "$ref" in schema:
            waiting.append(_referred(root, schema["$ref"]))
        for keyword in _ALTERNATIVES:
            waiting.extend(schema.get(keyword, []))
        waiting.extend(schema[keyword] for keyword in _CONDITIONAL if keyword in schema)
        waiting.extend(schema.get("dependentSchemas", {}).values())


def _referred(root: Json, reference: str) -> Json:
    node = root
    if reference != "#" and not reference.startswith("#/"):
        return _UNKNOWN
    for part in reference.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, dict) and name in node:
            node = node[name]
        else:
            return _UNKNOWN
    return node


def _of_property(name: str, schemas: list[dict[str, Json]]) -> Iterator[Json]:
    for schema in schemas:
        patterns = schema.get("patternProperties", {})
        matching = [patterns[pattern] for pattern in patterns if re.search(pattern, name)]
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
