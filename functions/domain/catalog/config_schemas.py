"""Config schemas: what an agent's version says about the config of its instances, as JSON Schema 2020-12.

A schema is checked when it is published so thoroughly that validating a config against it later can't fail in any other
way than by naming what is wrong with the config.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from functions.domain.refusals import FieldError, Invalid

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 32
"""Levels of nesting, what `$ref` refers to included."""

# They would make a reference mean something else than a place in this very document.
_KEYWORDS_REFUSED: Final = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary")


class ConfigSchemaInvalid(Invalid):
    """The config schema isn't JSON Schema 2020-12 for an object, or uses what isn't allowed: `errors` says what."""

    def __init__(self, message: str, pointer: str = "") -> None:
        """`message` says what is wrong, `pointer` (RFC 6901) where inside the schema."""
        super().__init__(errors=[FieldError(f"/config_schema{pointer}", "config_schema_invalid", message)])


def check(schema: dict[str, Any]) -> None:
    """Refuse what is no JSON Schema 2020-12 for an object, refers outside itself, recurses, or is too large."""
    if _depth_of_nesting(schema) > MAX_DEPTH:
        raise ConfigSchemaInvalid(f"It is nested more than {MAX_DEPTH} levels deep.")
    if len(json.dumps(schema)) > MAX_BYTES:
        raise ConfigSchemaInvalid(f"It is larger than {MAX_BYTES} bytes.")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise ConfigSchemaInvalid(f"$schema is not {DIALECT}.", "/$schema")
    if schema.get("type") != "object":
        raise ConfigSchemaInvalid("A config is an object: its schema has the type 'object' at the top.", "/type")
    _check_keywords(schema)
    _check_meta_schema(schema)
    _depth(schema, schema, {}, "")


def _depth_of_nesting(document: Any) -> int:  # noqa: ANN401 - any JSON
    level, depth = [document], 0
    while level and depth <= MAX_DEPTH:
        level = [child for node in level for _, child in _children(node)]
        depth += 1
    return depth


def _children(node: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from ((str(index), child) for index, child in enumerate(node))


def _check_meta_schema(schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - slow to import, and rarely needed

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ConfigSchemaInvalid(f"It is no JSON Schema: {error.message[:300]}", _pointer(error.path)) from None


def _pointer(path: Any) -> str:  # noqa: ANN401 - a sequence of names and indexes
    return "".join("/" + _escaped(str(part)) for part in path)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _check_keywords(node: Any, pointer: str = "") -> None:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        for keyword in _KEYWORDS_REFUSED:
            if isinstance(node.get(keyword), str | bool | int):
                raise ConfigSchemaInvalid(f"{keyword} is not allowed here.", f"{pointer}/{keyword}")
        for expression in _expressions(node):
            _check_expression(expression, pointer)
    for name, child in _children(node):
        _check_keywords(child, f"{pointer}/{_escaped(name)}")


def _expressions(node: dict[str, Any]) -> Iterator[str]:
    if isinstance(node.get("pattern"), str):
        yield node["pattern"]
    if isinstance(node.get("patternProperties"), dict):
        yield from node["patternProperties"]


def _check_expression(expression: str, pointer: str) -> None:
    try:
        re.compile(expression)
    except (re.error, RecursionError, OverflowError):
        raise ConfigSchemaInvalid(f"{expression[:100]!r} is no regular expression.", pointer) from None


def _depth(root: dict[str, Any], node: Any, known: dict[int, int | None], pointer: str) -> int:  # noqa: ANN401
    """Return how deep validation may go from `node`, following references; refuse a cycle.

    `known` holds the depth of every object that was visited, by identity, and None for those still being visited.
    """
    if id(node) in known:
        depth = known[id(node)]
        if depth is None:
            raise ConfigSchemaInvalid("It refers to itself: recursive schemas aren't allowed.", pointer)
        return depth
    if isinstance(node, dict | list):
        known[id(node)] = None
    below = [_depth(root, child, known, f"{pointer}/{_escaped(name)}") for name, child in _children(node)]
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        below.append(_depth(root, _referred(root, node["$ref"], pointer), known, f"{pointer}/$ref"))
    depth = 1 + max(below, default=0)
    if depth > MAX_DEPTH:
        raise ConfigSchemaInvalid(f"Its references go more than {MAX_DEPTH} levels deep.", pointer)
    if isinstance(node, dict | list):
        known[id(node)] = depth
    return depth


def _referred(root: dict[str, Any], reference: str, pointer: str) -> Any:  # noqa: ANN401 - any JSON
    if reference != "#" and not reference.startswith("#/"):
        raise ConfigSchemaInvalid("$ref may only point into this schema: '#/$defs/…'.", f"{pointer}/$ref")
    node: Any = root
    for part in reference.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = dict(_children(node)).get(name)
    if not isinstance(node, dict | bool):
        raise ConfigSchemaInvalid("$ref points at nothing in this schema.", f"{pointer}/$ref")
    return node
