"""Talking to an agent: one request, with limits on size and time, that trusts nothing of the answer."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Lock
from typing import Final

from core import context
from core.configuration import setting
from functions.domain.api_errors import BadGateway, Unavailable
from functions.runtime.databases import DependencyDownError

SECONDS: Final = 8
"""How long an agent may take to answer, from the first byte to the last."""

AT_ONCE: Final = 2
"""Messages to one agent that one process has in flight."""

MAX_CHARACTERS: Final = 16_000
MAX_BYTES: Final = 16 * MAX_CHARACTERS
"""Room for that many of any script: JSON may write a character as twelve bytes."""


class AgentResponseInvalid(BadGateway):
    """The agent answered with something that is no answer: its owner can look into its log."""


class AgentUnavailable(Unavailable):
    """The agent doesn't answer just now: try again shortly."""


class AgentBusy(Unavailable):
    """The agent is busy with other messages: try again shortly."""


class AgentTimedOut(Unavailable):
    """The agent took too long to answer: try again shortly."""


def say(address: str, message_id: str, text: str, seconds: float = SECONDS) -> str:
    """Return the agent's answer. Raises AgentResponseInvalid, AgentBusy, AgentTimedOut or AgentUnavailable."""
    with _in_flight(address):
        return _say(address, message_id, text, seconds)


_waiting: Final[Counter[str]] = Counter()
"""Messages that this process waits for an answer to, by address."""

_counting: Final = Lock()


@contextmanager
def _in_flight(address: str) -> Iterator[None]:
    """Keep agents that hang from occupying every thread of this process."""
    with _counting:
        if _waiting[address] >= AT_ONCE or _waiting.total() >= max(1, int(setting("THREADS", "8")) // 2):
            raise AgentBusy
        _waiting[address] += 1
    try:
        yield
    finally:
        with _counting:
            _waiting[address] -= 1
            if not _waiting[address]:
                del _waiting[address]


def _say(address: str, message_id: str, text: str, seconds: float) -> str:
    from core import http_client

    sent = json.dumps({"id": message_id, "text": text}).encode()
    accept = {"Content-Type": "application/json", "Accept": "application/json"}
    headers = accept | {"traceparent": context.current().traceparent}
    try:
        with http_client.exchange("POST", address, seconds=seconds, body=sent, headers=headers) as response:
            # A redirect is followed nowhere: to whom the platform speaks is not for an agent to say.
            if response.status != HTTPStatus.OK:
                raise AgentResponseInvalid(f"The agent answered with the status {response.status}.")
            body = response.read(MAX_BYTES + 1)
    except TimeoutError:
        raise AgentTimedOut from None
    except OSError as error:
        raise AgentUnavailable from DependencyDownError("agent", error)
    if len(body) > MAX_BYTES:
        raise AgentResponseInvalid(f"The agent's answer is longer than {MAX_BYTES} bytes.")
    return _text(body)


def _text(body: bytes) -> str:
    try:
        text = json.loads(body)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AgentResponseInvalid('The agent\'s answer is not the JSON object {"text": …}.') from None
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise AgentResponseInvalid(f"The agent's text is no text, or longer than {MAX_CHARACTERS} characters.")
    # Half a surrogate pair is valid in JSON's escapes, and in no encoding.
    return text.encode("utf-8", "replace").decode()
