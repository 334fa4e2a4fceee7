"""Calling a function with an event, over a connection that is kept, and reading its answer.

The answers' meaning is a contract with every sender: 200 handled, 422 poison, anything else not now.
"""

import json
import time
from typing import Final
from urllib.parse import urlsplit

from events.context import TRACEPARENT
from events.dispatcher.delivery import Answer, Delivery, Verdict
from events.dispatcher.http_client import HttpConnection, ProtocolError
from events.wire import CONTENT_TYPE

CONNECT_TIMEOUT: Final = 2.0
"""Seconds."""

MAX_ANSWER: Final = 16 * 1024
"""Bytes of an answer that are read; of use are only the first few."""

_OK: Final = 200
_REDIRECTION: Final = 300
_POISON: Final = 422
_REASONS: Final = {422: "refused", 503: "unavailable", 500: "bug"}


class NotAnAddressError(ValueError):
    """The setting FUNCTIONS_URL leads to no function; the message says why."""


def address_of(form: str, function: str) -> str:
    """Return where a function is: `form` is FUNCTIONS_URL, with `{name}` in its host or its path."""
    parts = urlsplit(form.replace("{name}", function))
    if "{name}" not in form or parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotAnAddressError(
            f"FUNCTIONS_URL is {form!r}: expected http:// or https://, a host, and {{name}} somewhere"
        )
    return parts.geturl()


class Caller:
    """Calls one function. For one thread."""

    def __init__(self, url: str, timeout: float) -> None:
        """`url` is the function's, of whatever form; `timeout` is in seconds, for the whole call."""
        parts = urlsplit(url)
        self.secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.secure else 80)
        self.timeout = timeout
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        authority = parts.netloc.rpartition("@")[2]
        self.head = f"POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: {CONTENT_TYPE}\r\n".encode()
        """The beginning of every request."""
        self._kept: HttpConnection | None = None

    def __call__(self, delivery: Delivery) -> Answer:
        """Call the function with an event; whatever happens is an answer."""
        kept = self._kept is not None
        try:
            return self._post(self._request(delivery))
        except TimeoutError:
            self.close()
            return Answer(Verdict.RETRY, "timeout", f"no answer within {self.timeout} s")
        except (ProtocolError, OSError, ValueError) as error:
            self.close()
            if kept:
                # The other end may close a connection that idles, just as it is used again.
                return self(delivery)
            return Answer(Verdict.RETRY, "unreachable", repr(error))

    def _request(self, delivery: Delivery) -> bytes:
        # Whatever else stands in the event's traceparent could be more headers.
        trace = TRACEPARENT.fullmatch(delivery.traceparent or "")
        header = f"traceparent: {trace[0]}\r\n".encode() if trace else b""
        length = f"Content-Length: {len(delivery.body)}\r\n\r\n".encode()
        return b"".join((self.head, header, length, delivery.body))

    def _post(self, request: bytes) -> Answer:
        deadline = time.monotonic() + self.timeout
        if self._kept is None:
            seconds = min(CONNECT_TIMEOUT, self.timeout)
            self._kept = HttpConnection.open(
                self.host, self.port, secure=self.secure, seconds=seconds, wait=self.timeout
            )
        response = self._kept.exchange(request, deadline=deadline, limit=MAX_ANSWER)
        if not response.reusable:
            self.close()
        return verdict(response.status, response.body)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def verdict(status: int, text: bytes) -> Answer:
    """Return what an answer means."""
    if _OK <= status < _REDIRECTION:
        return Answer(Verdict.HANDLED, "handled")
    reason = _REASONS.get(status, "unexpected")
    detail = f"{status} {_sentence(text)}".strip()
    return Answer(Verdict.DEAD if status == _POISON else Verdict.RETRY, reason, detail)


def _sentence(text: bytes) -> str:
    """Return the code and detail of a problem, and nothing of what isn't one: an answer may hold anything."""
    try:
        problem = json.loads(text)
        return f"{problem['code']}: {problem['detail']}"[:500]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
