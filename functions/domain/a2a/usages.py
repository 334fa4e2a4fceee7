"""What an agent reports to have used, added up."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import JsonValue

Json = dict[str, JsonValue]


def added(usage: Json, reported: Mapping[str, JsonValue]) -> Json:
    """Return the sum of a usage and what was reported after it, by the agent's names; a cost is a decimal as text."""
    return usage | {name: _sum(name, usage.get(name), value) for name, value in reported.items() if value is not None}


def _sum(name: str, one: JsonValue, other: JsonValue) -> JsonValue:
    if name == "cost":
        return str(Decimal(str(one or 0)) + Decimal(str(other)))
    if isinstance(other, int | float) and isinstance(one, int | float | None):
        return (one or 0) + other
    return other
