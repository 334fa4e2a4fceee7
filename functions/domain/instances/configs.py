"""Configs: what an instance is told, checked against its version's schema; secrets in it are shown to nobody."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from functions.domain.refusals import FieldError, Invalid

if TYPE_CHECKING:
    from jsonschema import ValidationError

Json = Any
"""What JSON can hold."""

LARGEST: Final = 10**15
"""Beyond this, readers of JSON disagree about whole numbers."""

MAX_ERRORS: Final = 50
MAX_DEPTH: Final = 40


class ConfigInvalid(Invalid):
    """The config doesn't fit the version's config_schema: `errors` names each field."""


def check(config: dict[str, Json], schema: dict[str, Json]) -> None:
    """Refuse a config that doesn't fit the schema (JSON Schema 2020-12), with every error at its field.

    Formats are checked; nothing is fetched. No message repeats a value, since it may be a secret.
    """
    errors = list(_unstorable(config, "/config", 0)) or list(_violations(config, schema))
    if errors:
        raise ConfigInvalid(errors=errors[:MAX_ERRORS])


def _unstorable(value: Json, place: str, depth: int) -> Iterator[FieldError]:
    """Yield what JSON allows and Postgres or the agent's reader does not."""
    if depth > MAX_DEPTH:
        yield FieldError(place, "too_deep", f"Nested more than {MAX_DEPTH} levels deep.")
    elif isinstance(value, dict):
        for name, child in value.items():
            if not _is_text(name):
                yield FieldError(place, "not_text", "A name holds a character that is not allowed.")
            else:
                yield from _unstorable(child, f"{place}/{_escaped(name)}", depth + 1)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _unstorable(child, f"{place}/{index}", depth + 1)
    elif isinstance(value, str) and not _is_text(value):
        yield FieldError(place, "not_text", "Holds a character that is not allowed, such as NUL.")
    elif isinstance(value, float) and not math.isfinite(value):
        yield FieldError(place, "not_finite", "This number is too large.")
    elif isinstance(value, int) and abs(value) > LARGEST:
        yield FieldError(place, "too_large", f"Whole numbers may be up to {LARGEST} here.")


def _is_text(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _violations(config: dict[str, Json], schema: dict[str, Json]) -> Iterator[FieldError]:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, and needed by few functions
    from referencing import Registry  # noqa: PLC0415 - comes with it
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - comes with it

    # A registry of its own, because the default one fetches what a schema refers to.
    registry: Registry[Json] = Registry()
    validator = Draft202012Validator(schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
    try:
        for error in validator.iter_errors(config):
            yield from _errors_of(error)
    except Unresolvable:
        yield FieldError("/config", "config_schema_broken", "This version's config_schema refers to what isn't there.")


def _errors_of(error: "ValidationError") -> Iterator[FieldError]:
    place = "".join(f"/{_escaped(str(part))}" for part in ("config", *error.absolute_path))
    keyword = str(error.validator)
    value: Json = error.validator_value
    instance: Json = error.instance
    if keyword == "required":
        missing = [name for name in value if name not in instance]
        # One error comes for each missing name, and only its message says which: it begins with the name.
        name = next((name for name in missing if error.message.startswith(repr(name))), missing[0])
        yield FieldError(f"{place}/{_escaped(name)}", "required", "This is required.")
    elif keyword in {"additionalProperties", "unevaluatedProperties"} and value is False:
        for name in _surplus(instance, error.schema):
            yield FieldError(f"{place}/{_escaped(name)}", "unknown", "There is no such setting.")
    else:
        yield FieldError(place, _code(keyword), _message(keyword, value))


def _surplus(instance: dict[str, Json], schema: Json) -> list[str]:
    known = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return [name for name in instance if name not in known]


def _code(keyword: str) -> str:
    return "".join(f"_{character.lower()}" if character.isupper() else character for character in keyword)


_MESSAGES: Final = {
    "type": "Must be of the type {}.",
    "enum": "Must be one of {}.",
    "const": "Must be {}.",
    "minLength": "Must have at least {} characters.",
    "maxLength": "Must have at most {} characters.",
    "pattern": "Must match the pattern {}.",
    "format": "Must be of the format {}.",
    "minimum": "Must be at least {}.",
    "maximum": "Must be at most {}.",
    "exclusiveMinimum": "Must be more than {}.",
    "exclusiveMaximum": "Must be less than {}.",
    "multipleOf": "Must be a multiple of {}.",
    "minItems": "Must have at least {} items.",
    "maxItems": "Must have at most {} items.",
    "uniqueItems": "No item may occur twice.",
    "minProperties": "Must have at least {} properties.",
    "maxProperties": "Must have at most {} properties.",
}


def _message(keyword: str, value: Json) -> str:
    sentence = _MESSAGES.get(keyword, f"Doesn't fit what the schema says under {keyword}.")
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return sentence.format(shown)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
