"""What an agent's answer says, whoever it was asked by."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from functions.domain.instances.plan import Result
from functions.services.agent_host.failures import Failure

MAX_CHARACTERS: Final = 16_000
MAX_BYTES: Final = 16 * MAX_CHARACTERS
"""Room for that many of any script: JSON may write a character as twelve bytes."""

_GZIP: Final = b"\x1f\x8b"
"""How whatever gzip has compressed begins."""


def reply(status: int, body: bytes, said: Sequence[str]) -> str:
    """Return what an agent's answer says; `said` is what it wrote meanwhile. Raises Failure."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # A traceback ends with the line that names the exception.
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        raise Failure("agent_failed", f"The agent failed: {last}" if last else None, result=Result.FAILED)
    if status != HTTPStatus.OK:
        raise invalid(f"The agent answered with the status {status}.")
    if body.startswith(_GZIP):
        raise invalid("The agent's answer is compressed, which nothing here asks for.")
    try:
        text = json.loads(body)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise invalid('The agent\'s answer is not the JSON object {"text": …}.') from None
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise invalid(f"The agent's text is no text, or longer than {MAX_CHARACTERS} characters.")
    # Half a surrogate pair is valid in JSON's escapes, and in no encoding.
    return text.encode("utf-8", "replace").decode()


def invalid(detail: str) -> Failure:
    """Return the failure of an agent whose answer is none."""
    return Failure("agent_response_invalid", detail, result=Result.FAILED)
