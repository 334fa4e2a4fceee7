"""Configs: what an instance is told, checked against its version's schema and completed with its defaults."""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Final

from functions.domain.api_errors import FieldError, Invalid
from functions.domain.catalog import defaults
from functions.domain.instances.redaction import REDACTED, places_of_secrets
from functions.domain.json_schemas import LARGEST, Json, Leading, children, escaped, is_text, pointer, validator, values

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

MAX_ERRORS: Final = 50
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 5000
"""Values in a config, those inside of objects and arrays among them; with the schema's weight it bounds the time."""

MAX_BYTES: Final = 64 * 1024
"""What defaults may add to a config, as JSON."""

MAX_SECRETS: Final = 100
"""Secrets in a config, each of which is sealed on its own."""

MAX_PLACE: Final = 512
"""Bytes of a secret's place: it is part of a key in the database."""

MAX_SHOWN: Final = 300
"""Characters of what a schema demands, in a message."""

_AFFORDABLE: Final = 500_000
"""Values that may be copied into errors, some 100 bytes each; beyond it the first error alone is told."""

_ERROR: Final = 10
"""What an error takes beside the copy, in such values."""


class ConfigInvalid(Invalid):
    """The config doesn't fit the version's config_schema: `errors` names each field."""


def completed(config: dict[str, Json], schema: dict[str, Json]) -> dict[str, Json]:
    """Return the config with the schema's defaults where it says nothing, or refuse it with every error at its field.

    The schema has passed `config_schemas.check`. Formats are checked; nothing is fetched. No message repeats a value,
    since it may be a secret.
    """
    _refuse(list(islice(_unstorable(config), MAX_ERRORS)))
    if sum(_by_level(config)) > MAX_VALUES:
        _refuse([FieldError("/config", "too_large", f"There are more than {MAX_VALUES} values in it.")])
    try:
        filled: dict[str, Json] = defaults.filled(config, schema, Leading(schema, "default"), MAX_BYTES)
    except defaults.TooMuchError:
        _refuse([FieldError("/config", "too_large", f"Its defaults are larger than {MAX_BYTES} bytes.")])
    _refuse(_violations(filled, schema))
    _refuse([FieldError(f"/config{place}", "masked", _REDACTED) for place in _redactions(filled, schema)])
    return filled


def secret_places(config: dict[str, Json], schema: dict[str, Json]) -> list[str]:
    """Return the places of all secrets in a config that fits: its members', where all of it is one.

    Raises ConfigInvalid for more than can be kept.
    """
    found = places_of_secrets(config, schema)
    places = [f"/{escaped(name)}" for name in config] if "" in found else list(found)
    if len(places) > MAX_SECRETS:
        _refuse([FieldError("/config", "too_large", f"There are more than {MAX_SECRETS} secrets in it.")])
    long = [place for place in places if len(place.encode()) > MAX_PLACE]
    _refuse([FieldError(f"/config{place}", "too_long", _LONG) for place in long])
    return places


_LONG: Final = f"The names down to a secret may have {MAX_PLACE} bytes together."

_REDACTED: Final = "This stands for a secret that isn't shown: send the secret itself."


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise ConfigInvalid(errors=errors[:MAX_ERRORS])


def _unstorable(value: Json, place: str = "/config", depth: int = 0) -> Iterator[FieldError]:
    """Yield what JSON allows and Postgres or the agent's reader does not."""
    if depth > MAX_DEPTH:
        yield FieldError(place, "too_deep", f"Nested more than {MAX_DEPTH} levels deep.")
    elif isinstance(value, dict | list):
        for name, child in children(value):
            if not is_text(name):
                yield FieldError(place, "not_text", "A name holds a character that is not allowed.")
            else:
                yield from _unstorable(child, f"{place}/{escaped(name)}", depth + 1)
    elif isinstance(value, str) and not is_text(value):
        yield FieldError(place, "not_text", "Holds a character that is not allowed, such as NUL.")
    elif isinstance(value, float) and not math.isfinite(value):
        yield FieldError(place, "not_finite", "This number is too large.")
    elif isinstance(value, int) and abs(value) > LARGEST:
        yield FieldError(place, "too_large", f"Whole numbers may be up to {LARGEST} here: send larger ones as text.")


def _by_level(value: Json) -> list[int]:
    """Return how many values there are at each level, and text counted by the line."""
    level, counts = [value], []
    while level:
        counts.append(sum(1 + len(each) // 100 if isinstance(each, str) else 1 for each in level))
        level = [child for each in level for child in values(each)]
    return counts


def _redactions(config: dict[str, Json], schema: dict[str, Json]) -> list[str]:
    return [place for place, value in places_of_secrets(config, schema).items() if value == REDACTED]


def _violations(config: dict[str, Json], schema: dict[str, Json]) -> list[FieldError]:
    try:
        checker = validator(schema)
    except ValueError:
        return [FieldError("/config", "config_schema_broken", "This version's config_schema can't be used.")]
    if checker.is_valid(config):
        return []
    found = checker.iter_errors(config) if _affordable(config, schema) else _first(checker, config)
    return [each for error in islice(found, MAX_ERRORS) for each in _errors_of(error, config)]


def _affordable(config: dict[str, Json], schema: dict[str, Json]) -> bool:
    """Return whether the engine may collect all errors, which it does at once, each with a copy of what is wrong."""
    from functions.domain.catalog import costs

    counts = _by_level(config)
    below = list(accumulate(reversed(counts)))[::-1]
    each_level = zip(costs.levels(schema, costs.errors), counts, below, strict=False)
    return sum(errors * (_ERROR * count + copied) for errors, count, copied in each_level) <= _AFFORDABLE


def _first(checker: "Validator", config: dict[str, Json]) -> Iterator["ValidationError"]:
    from jsonschema_rs import ValidationError

    try:
        checker.validate(config)
    except ValidationError as error:
        yield error


def _errors_of(error: "ValidationError", config: dict[str, Json]) -> Iterator[FieldError]:
    place = pointer(["config", *error.instance_path])
    keyword, value = error.kind.name, error.kind.value
    if keyword == "required":
        yield FieldError(f"{place}/{escaped(value)}", "required", "This is required.")
    elif keyword in {"additionalProperties", "unevaluatedProperties"}:
        for name in value:
            yield FieldError(f"{place}/{escaped(name)}", "unknown", _UNKNOWN)
    elif keyword == "falseSchema":
        whole: Json = config
        for part in error.instance_path:
            whole = whole[part]
        # Where nothing is allowed at all, the engine tells of one member, and not which.
        members = whole if isinstance(whole, dict) and whole != error.instance else None
        for each in [place] if members is None else [f"{place}/{escaped(name)}" for name in members]:
            yield FieldError(each, "unknown", _UNKNOWN)
    else:
        yield FieldError(place, _code(keyword), _message(keyword, value))


_UNKNOWN: Final = "There is no such setting."


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
    return sentence.format(shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…")
