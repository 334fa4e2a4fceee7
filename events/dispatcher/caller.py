"""Calling a function with an event, signed, over a connection that is kept, and reading its answer.

The answers' meaning is a contract with every function: 200 handled, 422 poison, anything else not now. In between may
be a gateway or a proxy with answers of its own: a function that isn't there, or doesn't answer, is not one with a bug.
"""

import json
import time
from typing import Final
from urllib.parse import urlsplit

from core.context import TRACEPARENT
from events import signing
from events.dispatcher.delivery import CallResult, Delivery, Verdict
from events.dispatcher.http_connection import HttpConnection, ProtocolError, Response

CONNECT_TIMEOUT: Final = 2.0
"""Seconds."""

MAX_RESPONSE: Final = 16 * 1024
"""Bytes of an answer that are read; of use are only the first few."""

_OK: Final = 200
_REDIRECTION: Final = 300
_POISON: Final = 422
_REASONS: Final = {401: "unauthenticated", 422: "refused", 503: "unavailable", 500: "bug"}
"""What a function's own answers mean."""

_PROBLEM: Final = b"application/problem+json"
"""How a function refuses, and nobody between it and here."""

_NOT_THERE: Final = (404, 429, 500, 502, 503, 504)
"""What gateways and proxies answer for a function that is missing, starting, down, overloaded or slow."""

READY: Final = "/_/ready"
"""Below a function's address: 200 when it can be called."""


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

    def __init__(self, url: str, function: str, keys: signing.Keys, timeout: float) -> None:
        """`url` is the function's, of whatever form; `timeout` is in seconds, for the whole call."""
        parts = urlsplit(url)
        self.function = function
        self.keys = keys
        self.secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.secure else 80)
        self.timeout = timeout
        query = f"?{parts.query}" if parts.query else ""
        path = (parts.path or "/") + query
        authority = parts.netloc.rpartition("@")[2]
        self.probe = f"GET {parts.path.rstrip('/')}{READY}{query} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode()
        """The request that asks whether the function is there."""
        self.head = f"POST {path} HTTP/1.1\r\nHost: {authority}\r\n".encode()
        """The beginning of every request."""
        self._kept: HttpConnection | None = None

    def __call__(self, delivery: Delivery) -> CallResult:
        """Call the function with an event; whatever happens is an answer."""
        kept = self._kept is not None
        try:
            return verdict(self._exchange(self._request(delivery)))
        except TimeoutError:
            self.close()
            return CallResult(Verdict.RETRY, "timeout", f"no answer within {self.timeout} s")
        except (ProtocolError, OSError, ValueError) as error:
            self.close()
            if kept:
                # The other end may close a connection that idles, just as it is used again.
                return self(delivery)
            return CallResult(Verdict.RETRY, "unreachable", repr(error))

    def is_there(self) -> str | None:
        """Ask whether the function can be called; return None if it can, and otherwise what was answered instead."""
        try:
            response = self._exchange(self.probe)
        except (ProtocolError, OSError, ValueError) as error:
            self.close()
            return repr(error)
        return None if response.status == _OK else f"{response.status}"

    def _request(self, delivery: Delivery) -> bytes:
        # Whatever else stands in the event's traceparent could be more headers.
        trace = TRACEPARENT.fullmatch(delivery.traceparent or "")
        header = f"traceparent: {trace[0]}\r\n" if trace else ""
        message = signing.message_id(self.function, delivery.source, delivery.event_id)
        signed = signing.headers(self.keys.current(), message, delivery.body)
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        content = f"Content-Type: {delivery.content_type}\r\nContent-Length: {len(delivery.body)}\r\n\r\n"
        return b"".join((self.head, f"{header}{lines}{content}".encode(), delivery.body))

    def _exchange(self, request: bytes) -> Response:
        deadline = time.monotonic() + self.timeout
        if self._kept is None:
            seconds = min(CONNECT_TIMEOUT, self.timeout)
            self._kept = HttpConnection.open(
                self.host, self.port, secure=self.secure, seconds=seconds, wait=self.timeout
            )
        response = self._kept.exchange(request, deadline=deadline, limit=MAX_RESPONSE)
        if not response.reusable:
            self.close()
        return response

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def verdict(response: Response) -> CallResult:
    """Return the result of a call by its HTTP answer."""
    status = response.status
    if _OK <= status < _REDIRECTION:
        return CallResult(Verdict.HANDLED, "handled")
    if response.media_type != _PROBLEM and status in _NOT_THERE:
        return CallResult(Verdict.RETRY, "unreachable", f"{status}, which is not the function's own answer")
    detail = f"{status} {_sentence(response.body)}".strip()
    return CallResult(Verdict.DEAD if status == _POISON else Verdict.RETRY, _REASONS.get(status, "unexpected"), detail)


def _sentence(text: bytes) -> str:
    """Return the code and detail of a problem, and nothing of what isn't one: an answer may hold anything."""
    try:
        problem = json.loads(text)
        return f"{problem['code']}: {problem['detail']}"[:500]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
