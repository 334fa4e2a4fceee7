"""What validating against a schema may cost at most, in units of about a tenth of a microsecond for each value.

The schemas that speak of one value are counted, whichever way they come to it: by references, alternatives, conditions.
That number, not the length of the text, decides about the time; a schema of a few lines can refer to itself twice in
each of ten definitions and so ask a thousand times.
"""

from collections.abc import Callable
from itertools import zip_longest
from typing import Final

from functions.domain.json_schemas import Json, in_place, values

_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_BOUND: Final = 130
"""The weight of a bound: a comparison with numbers that aren't whole is exact, and therefore slow."""

_MULTIPLE: Final = 750
_FRACTION: Final = 50

_LISTS: Final = ("items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "contains")

Weigh = Callable[[dict[str, Json]], int]


def levels(schema: Json, weigh: Weigh) -> list[int]:
    """Return the most that the schemas of one value weigh together: of the config, of its members, of theirs.

    References must not run in circles.
    """
    return _Widths(schema, weigh).of(schema)


class _Widths:
    """For a schema, what all of it weighs at each level below the value that it is applied to."""

    def __init__(self, root: Json, weigh: Weigh) -> None:
        self.root = root
        self.weigh = weigh
        self._known: dict[int, list[int]] = {}

    def of(self, schema: Json) -> list[int]:
        """Return the weights: that of the value itself, of its members, of theirs."""
        if not isinstance(schema, dict):
            return [1]
        if id(schema) not in self._known:
            self._known[id(schema)] = self._computed(schema)
        return self._known[id(schema)]

    def _computed(self, schema: dict[str, Json]) -> list[int]:
        here = _sum([[self.weigh(schema)], *(self.of(each) for each in in_place(schema, self.root))])
        named = [self.of(each) for keyword in ("properties", "prefixItems") for each in values(schema.get(keyword))]
        # A member has one name, but that name may match every pattern.
        others = [self.of(schema[keyword]) for keyword in _LISTS if keyword in schema]
        others += [self.of(each) for each in values(schema.get("patternProperties"))]
        below = _sum([_largest(named), *others])
        names = self.of(schema["propertyNames"]) if "propertyNames" in schema else []
        return _sum([here, [0, *_sum([below, names])]])


def _sum(vectors: list[list[int]]) -> list[int]:
    return [sum(level) for level in zip_longest(*vectors, fillvalue=0)]


def _largest(vectors: list[list[int]]) -> list[int]:
    return [max(level) for level in zip_longest(*vectors, fillvalue=0)]


def steps(schema: dict[str, Json]) -> int:
    """Return the weight of one schema by itself, without those in it, in the units of time above."""
    weight = 1 + len(values(schema.get("required")))
    weight += sum(1 + len(values(names)) for names in values(schema.get("dependentRequired")))
    weight += sum(_compared(option) for option in values(schema.get("enum")))
    weight += _compared(schema["const"]) if "const" in schema else 0
    weight += sum(_BOUND for keyword in _BOUNDS if keyword in schema)
    return weight + (_MULTIPLE if "multipleOf" in schema else 0)


def _compared(option: Json) -> int:
    if isinstance(option, float):
        return _FRACTION
    return 1 + sum(_compared(each) for each in values(option))


def errors(schema: dict[str, Json]) -> int:
    """Return how many errors one schema may find in one value, by its own keywords."""
    return len(schema) + len(values(schema.get("required"))) + sum(map(len, values(schema.get("dependentRequired"))))
