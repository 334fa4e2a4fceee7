"""What may change within a version of an event type: a shape of its data beside an older one.

A consumer that was built for the old shape reads new events, and a new consumer reads old ones, from queues, dead
letters and replays; publishers that know the old shape meet the new. So values are looked at in both directions, and
only what harms neither may change. docs/decisions/0010-event-contracts.md tells it for people.
"""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import JsonValue

Json = dict[str, Any]
"""A schema: what stands at which of its keywords, the schema of schemas says."""

_WORDS: Final = {"$schema", "$id", "$defs", "title", "description", "examples", "deprecated"}
"""Keywords that no value has to obey."""

_LOWEST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGHEST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_STRUCTURE: Final = {"type", "anyOf", "oneOf", "enum", "const", "properties", "required", "items", "default"}


def shape(schema: Json) -> Json:
    """Return a schema without words, with its references put in place, in one order.

    Whether further fields are forbidden is no part of it: consumers ignore what they don't know.
    """
    return _within(schema, schema.get("$defs", {}), ())


def _within(schema: Json, definitions: Json, within: tuple[str, ...]) -> Json:
    """Return the shape of a part of a schema that stands `within` the definitions of these names."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name in definitions and name not in within:
        meant = definitions[name] | {key: each for key, each in schema.items() if key != "$ref"}
        return _within(meant, definitions, (*within, name))
    return {key: _part(key, each, definitions, within) for key, each in sorted(schema.items()) if _counts(key, each)}


def _shape(value: JsonValue, definitions: Json, within: tuple[str, ...]) -> JsonValue:
    return _within(value, definitions, within) if isinstance(value, dict) else value


def _counts(key: str, value: JsonValue) -> bool:
    return key not in _WORDS and not (key == "additionalProperties" and isinstance(value, bool))


def _part(key: str, value: JsonValue, definitions: Json, within: tuple[str, ...]) -> JsonValue:
    match key, value:
        case "properties", dict():
            return {name: _shape(each, definitions, within) for name, each in sorted(value.items())}
        case "anyOf" | "oneOf" | "allOf" | "prefixItems", list():
            return [_shape(each, definitions, within) for each in value]
        case "items" | "additionalProperties", _:
            return _shape(value, definitions, within)
        case "required" | "enum", list():
            return sorted(value, key=repr)
        case _:
            return value


def breaks(old: Json, new: Json) -> list[str]:
    """Return what of the change from one shape to another would break somebody, one sentence each."""
    older = [f"a consumer of the older schema meets {what}" for what in _unreadable(new, old, "data")]
    newer = [f"an event or publisher of the older schema has {what}" for what in _unreadable(old, new, "data")]
    return [*older, *(f"a consumer of the older schema misses {what}" for what in _gone(old, new, "data")), *newer]


def _unreadable(writer: Json, reader: Json, place: str) -> Iterator[str]:
    """Yield what a value of the shape `writer` may have that a reader of the shape `reader` isn't ready for."""
    options = _alternatives(reader)
    for each in _alternatives(writer):
        complaints = [list(_unlike(each, option, place)) for option in options]
        if all(complaints):
            alike = [found for found, option in zip(complaints, options, strict=True) if _is_kind(each, option)]
            yield from min(alike, key=len) if alike else [f"{_kind(each)} at {place} instead of {_kinds(options)}"]


def _alternatives(schema: Json) -> list[Json]:
    """Return the alternatives of a shape, of which every value matches one."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            rest = {key: value for key, value in schema.items() if key != keyword}
            return [found for each in schema[keyword] for found in _alternatives(_both(rest, each))]
    if isinstance(schema.get("type"), list):
        return [schema | {"type": each} for each in schema["type"]]
    return [schema]


def _both(rest: Json, each: Json) -> Json:
    """Return the shape whose values obey both shapes."""
    required = sorted({*rest.get("required", ()), *each.get("required", ())})
    properties = rest.get("properties", {}) | each.get("properties", {})
    found = rest | each | ({"required": required} if required else {})
    return found | ({"properties": properties} if properties else {})


def _unlike(writer: Json, reader: Json, place: str) -> Iterator[str]:
    """Yield the reasons why a value of the alternative `writer` may be none of the alternative `reader`."""
    if not _is_kind(writer, reader):
        yield "another type"
        return
    yield from _beyond_values(writer, reader, place)
    yield from _beyond_limits(writer, reader, place)
    yield from _beyond_fields(writer, reader, place)
    for keyword in ("items", "additionalProperties"):
        if keyword in reader:
            yield from _unreadable(writer.get(keyword, {}), reader[keyword], f"{place}[]")


def _beyond_fields(writer: Json, reader: Json, place: str) -> Iterator[str]:
    fields, known = writer.get("properties", {}), reader.get("properties", {})
    others, ours = reader.get("additionalProperties"), writer.get("additionalProperties")
    for name in sorted(set(reader.get("required", ())) - set(writer.get("required", ()))):
        yield f"{place}.{name} missing"
    for name in sorted({*fields, *known}):
        written, read = fields.get(name, ours), known.get(name, others)
        if written is not None and read is not None:
            yield from _unreadable(written, read, f"{place}.{name}")
    for name in sorted({*fields} & {*known} - {*writer.get("required", ())}):
        if fields[name].get("default") != known[name].get("default"):
            yield f"{place}.{name} left out, which stood for another default"


def _is_kind(writer: Json, reader: Json) -> bool:
    ours, theirs = writer.get("type"), reader.get("type")
    return theirs is None or ours == theirs or (ours == "integer" and theirs == "number")


def _beyond_values(writer: Json, reader: Json, place: str) -> Iterator[str]:
    known = _values(reader)
    if known is not None:
        written = _values(writer)
        for value in [f"any {_kind(writer)}"] if written is None else [v for v in written if v not in known]:
            yield f"{value!r} at {place}"


def _values(schema: Json) -> list[JsonValue] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _beyond_limits(writer: Json, reader: Json, place: str) -> Iterator[str]:
    for keyword, limit in sorted(reader.items()):
        given = writer.get(keyword)
        if keyword in _LOWEST and (given is None or given < limit):
            yield f"less than {keyword} {limit} at {place}"
        elif keyword in _HIGHEST and (given is None or given > limit):
            yield f"more than {keyword} {limit} at {place}"
        elif keyword not in {*_LOWEST, *_HIGHEST, *_STRUCTURE, "additionalProperties"} and given != limit:
            yield f"another {keyword} than {limit!r} at {place}"


def _gone(old: Json, new: Json, place: str) -> Iterator[str]:
    """Yield the places of the fields, optional ones too, that `old` has and `new` has not."""
    now = {name: each for option in _alternatives(new) for name, each in option.get("properties", {}).items()}
    for option in _alternatives(old):
        for name, each in option.get("properties", {}).items():
            if name not in now:
                yield f"{place}.{name}"
            else:
                yield from _gone(each, now[name], f"{place}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in old and keyword in new:
            yield from _gone(old[keyword], new[keyword], f"{place}[]")


def _kinds(schemas: list[Json]) -> str:
    return " or ".join(map(_kind, schemas))


def _kind(schema: Json) -> str:
    return str(schema.get("type", "anything"))
