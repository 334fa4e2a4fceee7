"""No change that the check lets pass makes a value unreadable, in either direction; tried on any pair of schemas."""

from collections.abc import Callable
from typing import Any, Final

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from events.contracts.compatibility import breaks, shape

Json = dict[str, Any]

LETTERS: Final = ("a", "b", "c")

letters = st.sampled_from(LETTERS)


def limited(kind: str, lowest: str, highest: str) -> st.SearchStrategy[Json]:
    """Return schemas of a type with limits, or none."""
    limits = st.fixed_dictionaries({}, optional={lowest: st.integers(0, 2), highest: st.integers(2, 4)})
    return limits.map(lambda found: {"type": kind} | found)


plain = st.one_of(
    limited("string", "minLength", "maxLength"),
    limited("integer", "minimum", "maximum"),
    limited("number", "minimum", "maximum"),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "string", "pattern": "^a"}]),
    st.lists(letters, min_size=1, unique=True).map(lambda values: {"type": "string", "enum": values}),
    letters.map(lambda value: {"type": "string", "const": value}),
)


def fields(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Return schemas of objects with some fields, of which some are required."""
    return st.tuples(st.dictionaries(letters, inner), st.sets(letters)).map(
        lambda drawn: {"type": "object", "properties": drawn[0], "required": sorted(drawn[1] & set(drawn[0]))}
    )


anything = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=2).map(lambda options: {"anyOf": options}),
        inner.map(lambda each: {"type": "array", "items": each}),
        inner.map(lambda each: {"type": "object", "additionalProperties": each}),
        fields(inner),
    ),
    max_leaves=4,
)
objects = fields(anything)
changed = st.tuples(objects, letters, anything).map(
    lambda drawn: (drawn[0], drawn[0] | {"properties": drawn[0]["properties"] | {drawn[1]: drawn[2]}})
)
pairs = st.tuples(objects, objects) | changed | changed.map(lambda pair: pair[::-1])


def value(schema: Json) -> st.SearchStrategy[Any]:
    """Return the values of a schema; of fields, none but those that it names."""
    if "anyOf" in schema:
        return st.one_of(*map(value, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    return VALUES[schema["type"]](schema)


def texts(schema: Json) -> st.SearchStrategy[str]:
    beginning = schema.get("pattern", "").removeprefix("^")
    found = st.text(letters, min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 6))
    return found.map(lambda text: beginning + text)


def members(schema: Json) -> st.SearchStrategy[Json]:
    if "additionalProperties" in schema:
        return st.dictionaries(letters, value(schema["additionalProperties"]), max_size=2)
    named = {name: value(each) for name, each in schema["properties"].items()}
    needed = {name: each for name, each in named.items() if name in schema["required"]}
    return st.fixed_dictionaries(needed, optional={name: named[name] for name in named.keys() - needed})


VALUES: Final[dict[str, Callable[[Json], st.SearchStrategy[Any]]]] = {
    "string": texts,
    "integer": lambda schema: st.integers(schema.get("minimum", -3), schema.get("maximum", 6)),
    "number": lambda schema: st.floats(schema.get("minimum", -3), schema.get("maximum", 6)),
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
    "array": lambda schema: st.lists(value(schema["items"]), max_size=2),
    "object": members,
}


def readable(schema: Json, found: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(found))


@given(pairs, st.data())
def test_what_breaks_nobody_leaves_every_value_readable_to_old_and_new(
    pair: tuple[Json, Json], data: st.DataObject
) -> None:
    old, new = pair
    said_now, said_then = data.draw(value(new)), data.draw(value(old))
    if not readable(old, said_now) or not readable(new, said_then):
        assert breaks(shape(old), shape(new)) != []


@given(objects)
def test_what_stays_breaks_nobody(schema: Json) -> None:
    assert breaks(shape(schema), shape(schema | {"title": "In other words"})) == []
