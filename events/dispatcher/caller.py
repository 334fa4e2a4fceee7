"""Calling a function with an event, over a connection that is kept, and reading its answer.

The answers' meaning is a contract with every sender: 200 handled, 422 poison, anything else not now.
"""

import http.client
import json
import time
from typing import Final
from urllib.parse import urlsplit

from events.dispatcher.delivery import Answer, Delivery, Verdict
from events.wire import CONTENT_TYPE

CONNECT_TIMEOUT: Final = 2.0
"""Seconds."""

MAX_ANSWER: Final = 16 * 1024
"""Bytes of an answer that are read; of use are only the first few."""

_POISON: Final = 422
_REASONS: Final = {422: "refused", 503: "unavailable", 500: "bug"}


class Caller:
    """Calls one function. For one thread."""

    def __init__(self, url: str, timeout: float) -> None:
        """`url` is the function's, of whatever form; `timeout` is in seconds, for the whole call."""
        parts = urlsplit(url)
        self.secure = parts.scheme == "https"
        self.host = parts.netloc
        self.path = parts.path or "/"
        self.timeout = timeout
        self._kept: http.client.HTTPConnection | None = None

    def __call__(self, delivery: Delivery) -> Answer:
        """Call the function with an event; whatever happens is an answer."""
        headers = {"Content-Type": CONTENT_TYPE}
        if delivery.traceparent:
            headers["traceparent"] = delivery.traceparent
        kept = self._kept is not None
        try:
            return self._post(delivery.body, headers)
        except TimeoutError:
            self._drop()
            return Answer(Verdict.RETRY, "timeout", f"no answer within {self.timeout} s")
        except (http.client.HTTPException, OSError, ValueError) as error:
            self._drop()
            if kept:
                # The other end may close a connection that idles, just as it is used again.
                return self(delivery)
            return Answer(Verdict.RETRY, "unreachable", repr(error))

    def _post(self, body: bytes, headers: dict[str, str]) -> Answer:
        deadline = time.monotonic() + self.timeout
        if self._kept is None:
            kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
            self._kept = kind(self.host, timeout=min(CONNECT_TIMEOUT, self.timeout))
            self._kept.connect()
        connection = self._kept
        connection.sock.settimeout(max(0.001, deadline - time.monotonic()))
        connection.request("POST", self.path, body, headers)
        response = connection.getresponse()
        text = response.read(MAX_ANSWER)
        if response.will_close or not response.isclosed():
            self._drop()
        return verdict(response.status, text)

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def verdict(status: int, text: bytes) -> Answer:
    """Return what an answer means."""
    if http.client.OK <= status < http.client.MULTIPLE_CHOICES:
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
