"""JSON-RPC 2.0: the ids by which answers belong to requests."""

import json

from pydantic import JsonValue


def id_of(body: JsonValue) -> str | int | None:
    """Return the id of whatever was sent, None if there is none that can be repeated."""
    found = body.get("id") if isinstance(body, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def id_in(sent: bytes) -> str | int | None:
    """Return the id in the body of a request, None if there is none or it is no JSON."""
    try:
        return id_of(json.loads(sent))
    except (ValueError, RecursionError):
        return None
