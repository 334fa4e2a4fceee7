"""JSON without its loose ends: no name twice in an object, no NaN, no number beyond a double's range (RFC 7493)."""

import json
import math
from typing import Any


class NotStrictJsonError(ValueError):
    """The text isn't JSON, or means different things to different readers; the message is public."""


def check_json(body: bytes) -> None:
    """Raise NotStrictJsonError unless `body` is strict JSON in UTF-8."""
    try:
        json.loads(body.decode(), object_pairs_hook=_unique_names, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        message = "it is nested too deeply"
    except UnicodeDecodeError:
        message = "it is not UTF-8"
    except json.JSONDecodeError as error:
        message = f"{error.msg} at line {error.lineno} column {error.colno}"
    except ValueError as error:
        message = str(error)
    else:
        return
    raise NotStrictJsonError(message)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "an object has the same name twice"
        raise ValueError(message)
    return members


def _refuse_constant(name: str) -> None:
    message = f"{name} is not a number"
    raise ValueError(message)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = "a number is too large"
        raise ValueError(message)
    if number == 0 and text.lower().partition("e")[0].strip("-0."):
        message = "a number is too small to be told from zero"
        raise ValueError(message)
    return number
