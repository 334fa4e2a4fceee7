"""Config schemas: what an agent's version says about the config of its instances, as JSON Schema 2020-12.

A schema is checked when it is published so thoroughly that validating a config against it later can't fail in any other
way than by naming what is wrong with the config, and takes no longer than a moment whatever the config.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from functions.domain.api_errors import FieldError, Invalid
from functions.domain.catalog import costs, defaults
from functions.domain.json_schemas import (
    LARGEST,
    PATTERN_BYTES,
    Json,
    Leading,
    children,
    escaped,
    pointer,
    referred,
    validator,
    validators,
    values,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES: Final = 64 * 1024
"""The most that a schema may have, as JSON in UTF-8."""

MAX_DEPTH: Final = 32
"""Levels of nesting, what `$ref` refers to included."""

MAX_STEPS: Final = 2000
"""What the schemas of one value may weigh together: see `costs`."""

MAX_PATTERNS: Final = 100
"""Different patterns in a schema."""

MAX_PATTERN_BYTES: Final = 128 * 1024
"""What the patterns for one value may take together, compiled: 64 KiB of text then take about a second at worst."""

# They would make a reference mean something else than a place in this very document.
_KEYWORDS_REFUSED: Final = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary")

_TOKENS: Final = re.compile(
    r"(?s:\\[xb]\{|\\[pPu]\{[^}]*\}|\\.|\[(?:\\.|[^\\\]])*\]|\(\?(?:[:=!<]|[ims]*(?:-[ims]+)?:)?|.)"
)
_NOT_ECMA: Final = frozenset({"(?", r"\A", r"\G", r"\z", r"\Z", r"\<", r"\>", r"\x{", r"\b{"})
"""What the engine takes beyond ECMA-262 and forms would not: flags for the rest, other anchors."""


class ConfigSchemaInvalid(Invalid):
    """The config schema isn't JSON Schema 2020-12 for an object, or uses what isn't allowed: `errors` says what."""

    def __init__(self, message: str, place: str = "") -> None:
        """`message` says what is wrong, `place` where inside the schema (RFC 6901)."""
        super().__init__(errors=[FieldError(f"/config_schema{place}", "config_schema_invalid", message)])


def check(schema: dict[str, Json]) -> None:
    """Raise ConfigSchemaInvalid for what is no JSON Schema 2020-12 for an object, or is more than may be checked.

    It may not refer to anything outside itself, recurse, or cost too much.
    """
    if schema.get("type") != "object":
        raise ConfigSchemaInvalid("A config is an object: its schema has the type 'object' at the top.", "/type")
    check_bounded(schema)
    _check_defaults(schema)


def check_bounded(schema: dict[str, Json]) -> None:
    """Raise ConfigSchemaInvalid for what is no JSON Schema 2020-12, or is more than may be checked.

    The order of the checks counts: each relies on what those before it have refused, such as costs on references that
    don't run in circles.
    """
    if _depth_of_nesting(schema) > MAX_DEPTH:
        raise ConfigSchemaInvalid(f"It is nested more than {MAX_DEPTH} levels deep.")
    if len(json.dumps(schema, ensure_ascii=False).encode()) > MAX_BYTES:
        raise ConfigSchemaInvalid(f"It is larger than {MAX_BYTES} bytes.")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise ConfigSchemaInvalid(f"$schema is not {DIALECT}.", "/$schema")
    patterns: dict[str, int] = {}
    _check_keywords(schema, patterns)
    _check_meta_schema(schema)
    _depth(schema, schema, {}, "")
    _check_costs(schema, patterns)


def _depth_of_nesting(document: Json) -> int:
    level, depth = [document], 0
    while level and depth <= MAX_DEPTH:
        level = [child for node in level for child in values(node)]
        depth += 1
    return depth


def _check_meta_schema(schema: dict[str, Json]) -> None:
    from jsonschema_rs import ValidationError, meta

    try:
        meta.validate(schema)
    except ValidationError as error:
        raise ConfigSchemaInvalid(
            f"It is no JSON Schema: {error.message[:300]}", pointer(error.instance_path)
        ) from None


def _check_keywords(node: Json, patterns: dict[str, int], place: str = "") -> None:
    """Raise ConfigSchemaInvalid for keywords and patterns that aren't allowed.

    `patterns` is filled with the bytes that each pattern takes, compiled.
    """
    if isinstance(node, dict):
        for keyword in _KEYWORDS_REFUSED:
            if isinstance(node.get(keyword), str | bool | int):
                raise ConfigSchemaInvalid(f"{keyword} is not allowed here.", f"{place}/{keyword}")
        for expression, where in _patterns(node):
            if expression not in patterns:
                patterns[expression] = _pattern_bytes(expression, f"{place}/{where}")
            if len(patterns) > MAX_PATTERNS:
                raise ConfigSchemaInvalid(f"There are more than {MAX_PATTERNS} patterns in it.", f"{place}/{where}")
    elif isinstance(node, int) and abs(node) > LARGEST:
        raise ConfigSchemaInvalid(f"Whole numbers may be up to {LARGEST} here.", place)
    for name, child in children(node):
        _check_keywords(child, patterns, f"{place}/{escaped(name)}")


def _patterns(node: dict[str, Json]) -> Iterator[tuple[str, str]]:
    if isinstance(node.get("pattern"), str):
        yield node["pattern"], "pattern"
    if isinstance(node.get("patternProperties"), dict):
        yield from ((each, f"patternProperties/{escaped(each)}") for each in node["patternProperties"])


def _pattern_bytes(expression: str, place: str) -> int:
    """Return the bytes that a pattern takes when it is compiled, up to a factor of two. Raises ConfigSchemaInvalid."""
    before = ""
    for token in _TOKENS.findall(expression):
        if token in _NOT_ECMA or (before in {"*", "+", "?", "}"} and token in {"*", "+"}):
            raise ConfigSchemaInvalid(f"{expression[:100]!r} is no pattern of ECMA-262: {token}.", place)
        before = token
    size = 1024
    while size <= PATTERN_BYTES:
        try:
            validator({"pattern": expression}, pattern_bytes=size)
        except ValueError:
            size *= 2
        else:
            return size
    raise ConfigSchemaInvalid(
        f"{expression[:100]!r} is no pattern that takes linear time: look-around and back-references aren't "
        "allowed, nor large counts of repetition: say those by minLength and maxLength.",
        place,
    )


def _depth(root: dict[str, Json], node: Json, known: dict[int, int | None], place: str) -> int:
    """Return how deep validation may go from `node`, following references. Raises ConfigSchemaInvalid for a cycle.

    `known` holds the depth of every object that was visited, by identity, and None for those still being visited.
    """
    if id(node) in known:
        depth = known[id(node)]
        if depth is None:
            raise ConfigSchemaInvalid("It refers to itself: recursive schemas aren't allowed.", place)
        return depth
    if isinstance(node, dict | list):
        known[id(node)] = None
    below = [_depth(root, child, known, f"{place}/{escaped(name)}") for name, child in children(node)]
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        below.append(_depth(root, _referred(root, node["$ref"], place), known, f"{place}/$ref"))
    depth = 1 + max(below, default=0)
    if depth > MAX_DEPTH:
        raise ConfigSchemaInvalid(f"Its references go more than {MAX_DEPTH} levels deep.", place)
    if isinstance(node, dict | list):
        known[id(node)] = depth
    return depth


def _referred(root: dict[str, Json], reference: str, place: str) -> Json:
    if reference != "#" and not reference.startswith("#/"):
        raise ConfigSchemaInvalid("$ref may only point into this schema: '#/$defs/…'.", f"{place}/$ref")
    node = referred(root, reference)
    if node is None:
        raise ConfigSchemaInvalid("$ref points at nothing in this schema.", f"{place}/$ref")
    return node


def _check_costs(schema: dict[str, Json], patterns: dict[str, int]) -> None:
    if max(costs.levels(schema, costs.steps)) > MAX_STEPS:
        raise ConfigSchemaInvalid(
            f"More of it applies to one value than can be checked in time: over {MAX_STEPS} together, where a schema, "
            "a required name and an option of an enum count 1, a bound of a number 130, and multipleOf 750."
        )

    def compiled(node: dict[str, Json]) -> int:
        return sum(patterns[each] for each, _ in _patterns(node))

    if max(costs.levels(schema, compiled)) > MAX_PATTERN_BYTES:
        raise ConfigSchemaInvalid(f"The patterns for one value take more than {MAX_PATTERN_BYTES} bytes, compiled.")


def _check_defaults(schema: dict[str, Json]) -> None:
    """Raise ConfigSchemaInvalid for a default that its own schema refuses: it would break each config that takes it."""
    leading = Leading(schema, "default")
    if not leading(schema):
        return
    for place, checker in validators(schema).items():
        node = referred(schema, place)
        if not isinstance(node, dict) or "default" not in node:
            continue
        try:
            fits = checker.is_valid(defaults.filled(node["default"], node, leading, MAX_BYTES))
        except defaults.TooMuchError:
            raise ConfigSchemaInvalid(f"The defaults inside are larger than {MAX_BYTES} bytes.", place[1:]) from None
        if not fits:
            raise ConfigSchemaInvalid("This default doesn't fit its own schema.", f"{place[1:]}/default")
