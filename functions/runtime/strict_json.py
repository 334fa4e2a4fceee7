"""JSON without its loose ends: no name twice in an object, no NaN, no number beyond a double's range (RFC 7493)."""

import json
import math

from pydantic import JsonValue

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NotStrictJsonError(ValueError):
    """The text isn't JSON, or means different things to different readers; the message is public."""


class _LooseError(ValueError):
    """What JSON leaves loose; the message is public."""


def check_json(body: bytes) -> JsonValue:
    """Return what `body` says. Raises NotStrictJsonError unless it is strict JSON in UTF-8."""
    if body.startswith(_BYTE_ORDER_MARK):
        message = "it begins with a byte order mark, which JSON doesn't have"
        raise NotStrictJsonError(message)
    try:
        value: JsonValue = json.loads(
            body.decode(), object_pairs_hook=_unique_names, parse_constant=_refuse_constant, parse_float=_finite
        )
    except RecursionError:
        message = "it is nested too deeply"
    except UnicodeDecodeError:
        message = "it is not UTF-8"
    except json.JSONDecodeError as error:
        message = f"{error.msg} at line {error.lineno} column {error.colno}"
    except _LooseError as error:
        message = str(error)
    except ValueError:
        # Python's own, about its limit of digits.
        message = "a whole number has too many digits"
    else:
        return value
    raise NotStrictJsonError(message)


def _unique_names(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "an object has the same name twice"
        raise _LooseError(message)
    return members


def _refuse_constant(name: str) -> None:
    message = f"{name} is not a number"
    raise _LooseError(message)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = "a number is too large"
        raise _LooseError(message)
    if number == 0 and text.lower().partition("e")[0].strip("-0."):
        message = "a number is too small to be told from zero"
        raise _LooseError(message)
    return number
