"""Talking to an agent: one request, with limits on size and time, that trusts nothing of the answer."""

import http.client
import json
from http import HTTPStatus
from time import monotonic
from typing import Final

from functions.domain.refusals import BadGateway, Unavailable
from functions.runtime.databases import DependencyDownError

SECONDS: Final = 8
"""How long an agent may take to answer, from the first byte to the last."""

MAX_BYTES: Final = 64 * 1024
MAX_CHARACTERS: Final = 16_000


class AgentAnswerInvalid(BadGateway):
    """The agent answered with something that is no answer: its owner can look into its log."""


class AgentUnavailable(Unavailable):
    """The agent doesn't answer just now: try again shortly."""


class AgentTimedOut(Unavailable):
    """The agent took too long to answer: try again shortly."""


def say(address: str, message_id: str, text: str, seconds: float = SECONDS) -> str:
    """Return the agent's answer. Raises AgentAnswerInvalid, AgentUnavailable or AgentTimedOut."""
    until = monotonic() + seconds
    connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=seconds)
    try:
        body = json.dumps({"id": message_id, "text": text})
        connection.request("POST", "/", body, {"Content-Type": "application/json", "Accept": "application/json"})
        return _text(_read(connection, until))
    except TimeoutError:
        raise AgentTimedOut from None
    except (OSError, http.client.HTTPException) as error:
        raise AgentUnavailable from DependencyDownError("agent", error)
    finally:
        connection.close()


def _read(connection: http.client.HTTPConnection, until: float) -> bytes:
    """Return the body, however slowly it drips, until the time is up."""
    _allow(connection, until)
    response = connection.getresponse()
    # A redirect is followed nowhere: to whom the platform speaks is not for an agent to say.
    if response.status != HTTPStatus.OK:
        raise AgentAnswerInvalid(f"The agent answered with the status {response.status}.")
    body = b""
    while len(body) <= MAX_BYTES:
        _allow(connection, until)
        chunk = response.read1(MAX_BYTES)
        if not chunk:
            return body
        body += chunk
    raise AgentAnswerInvalid(f"The agent's answer is longer than {MAX_BYTES} bytes.")


def _allow(connection: http.client.HTTPConnection, until: float) -> None:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _text(body: bytes) -> str:
    try:
        text = json.loads(body)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AgentAnswerInvalid('The agent\'s answer is not the JSON object {"text": …}.') from None
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise AgentAnswerInvalid(f"The agent's text is no text, or longer than {MAX_CHARACTERS} characters.")
    # Half a surrogate pair is valid in JSON's escapes, and in no encoding.
    return text.encode("utf-8", "replace").decode()
