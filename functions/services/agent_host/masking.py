"""Masking: what an agent writes as others may read it, without the secrets of its instance."""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import JsonValue

from functions.domain.instances.contexts import Context
from functions.domain.instances.redaction import REDACTED
from functions.domain.json_schemas import escaped

SHORTEST: Final = 4
"""Characters of a secret that is looked for: what is shorter stands in too much that is none."""


def masked(lines: Iterable[str], context: Context) -> tuple[str, ...]:
    """Return lines with the values of the instance's secrets masked, wherever they stand in them.

    A secret of several lines is masked line by line.
    """
    secrets = _secrets(context)
    return tuple(_masked(line, secrets) for line in lines)


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def _secrets(context: Context) -> list[str]:
    """Return what is to be masked, longest first: one secret may be a part of another."""
    found = {
        form
        for value in _at(context.config, set(context.secret_places), "")
        for line in (value, *value.splitlines())
        # Python and JSON show some characters in another way.
        for form in (line, repr(line)[1:-1], json.dumps(line)[1:-1])
        if len(form.strip()) >= SHORTEST
    }
    return sorted(found, key=len, reverse=True)


def _at(value: JsonValue, places: set[str], place: str, *, inside: bool = False) -> Iterator[str]:
    """Yield the texts and numbers at these places and below, as texts."""
    inside = inside or place in places
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _at(child, places, f"{place}/{escaped(name)}", inside=inside)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _at(child, places, f"{place}/{index}", inside=inside)
    elif inside and isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
