"""JSON Schema 2020-12: the engine that configs are validated with, and ways through a schema.

The engine matches patterns in linear time, fetches nothing, and compares the items of an array by their hashes.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from jsonschema_rs import Validator

Json = Any
"""Any value of JSON. Schemas are walked by keys whose types the meta-schema has checked, which no type can tell."""

LARGEST: Final = 2**53
"""Up to this, every reader of JSON agrees about whole numbers."""

PATTERN_BYTES: Final = 128 * 1024
"""What one pattern may take when it is compiled; its time for each character grows with it."""

_ALTERNATIVES: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONAL: Final = ("if", "then", "else", "not")


def validator(schema: Json, *, pattern_bytes: int = PATTERN_BYTES) -> "Validator":
    """Return a validator of a schema. Raises ValueError for one that the engine can't run."""
    from jsonschema_rs import Draft202012Validator, EmailOptions, RegexOptions

    return Draft202012Validator(
        schema,
        validate_formats=True,
        offline=True,
        pattern_options=RegexOptions(size_limit=pattern_bytes),
        email_options=EmailOptions(allow_display_text=False),
    )


def validators(schema: Json) -> "dict[str, Validator]":
    """Return a validator of each schema inside of a schema, by its place: `#/properties/a`."""
    from jsonschema_rs import EmailOptions, RegexOptions, validator_map_for

    found = validator_map_for(
        schema,
        validate_formats=True,
        offline=True,
        pattern_options=RegexOptions(size_limit=PATTERN_BYTES),
        email_options=EmailOptions(allow_display_text=False),
    )
    return {place: found[place] for place in found.keys()}  # noqa: SIM118 - it is no dict


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern occurs in a text, as the engine has it."""
    return _pattern(pattern).is_valid(text)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> "Validator":
    return validator({"pattern": pattern})


def is_text(value: str) -> bool:
    """Return whether Postgres keeps a text: it has no NUL and no half of a surrogate pair."""
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def children(node: Json) -> Iterator[tuple[str, Json]]:
    """Yield the members of an object or the items of an array, each with its name or index; nothing for a scalar."""
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from ((str(index), child) for index, child in enumerate(node))


def pointer(path: Sequence[str | int]) -> str:
    """Return a JSON Pointer (RFC 6901) to what stands at a path."""
    return "".join(f"/{escaped(str(part))}" for part in path)


def escaped(part: str) -> str:
    """Return a name as it stands in a JSON Pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def at(node: Json, place: str) -> Json:
    """Return what stands at a JSON Pointer. Raises LookupError."""
    for part in place.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = node[int(name) if isinstance(node, list) else name]
    return node


def replaced(node: Json, others: Mapping[str, Json], place: str = "") -> Json:
    """Return a copy in which other values stand at some places, which are JSON Pointers from `place` on."""
    if place in others:
        return others[place]
    if isinstance(node, dict):
        return {name: replaced(child, others, f"{place}/{escaped(name)}") for name, child in node.items()}
    if isinstance(node, list):
        return [replaced(child, others, f"{place}/{index}") for index, child in enumerate(node)]
    return node


def referred(root: Json, reference: str) -> Json | None:
    """Return what a `$ref` like `#/$defs/a` points at inside of a schema, or None for nothing there."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    node = root
    for part in unquote(reference).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict):
            node = node.get(name)
        elif isinstance(node, list):
            node = dict(children(node)).get(name)
        else:
            return None
    return node if isinstance(node, dict | bool) else None


def in_place(schema: dict[str, Json], root: Json) -> Iterator[Json]:
    """Yield the schemas that a schema applies to the very value that it is applied to; None for a broken reference."""
    if isinstance(schema.get("$ref"), str):
        yield referred(root, schema["$ref"])
    for keyword in _ALTERNATIVES:
        yield from values(schema.get(keyword))
    yield from (schema[keyword] for keyword in _CONDITIONAL if keyword in schema)
    yield from values(schema.get("dependentSchemas"))


def values(node: Json) -> list[Json]:
    """Return the members of an object or the items of an array; nothing for a scalar."""
    return [child for _, child in children(node)]


class Leading:
    """Decides which schemas may lead to a keyword, themselves or by reference: the others need no walk."""

    def __init__(self, root: Json, keyword: str) -> None:
        """`root` is the whole schema, which references point into."""
        self.root = root
        self.keyword = keyword
        self._known: dict[int, bool] = {}

    def __call__(self, node: Json) -> bool:
        """Return whether a schema may lead to the keyword; True where it can't be known."""
        if not isinstance(node, dict | list):
            return node is None
        if id(node) not in self._known:
            # One that refers to itself finds this answer.
            self._known[id(node)] = True
            self._known[id(node)] = self.keyword in node or any(map(self, self._next(node)))
        return self._known[id(node)]

    def _next(self, node: Json) -> Iterator[Json]:
        yield from (child for child in values(node) if isinstance(child, dict | list))
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            yield referred(self.root, node["$ref"])
