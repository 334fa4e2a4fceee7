"""HTTP as an attacker speaks it: request targets go out as they stand.

So not by `core.http_client`: urllib3 mends a target before it sends it.
"""

import http.client
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from tools.documents import Document
from tools.local.errors import LocalError

_CONNECTIONS: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
_TIMEOUT_SECONDS: Final = 60


class Sender:
    """Sends requests to one address."""

    def __init__(self, address: str) -> None:
        """`address` is like http://localhost:8080."""
        found = urlsplit(address)
        if found.scheme not in _CONNECTIONS or found.hostname is None:
            message = f"{address} is not an address like http://localhost:8080 or https://api.example.com"
            raise LocalError(message)
        self._connection = _CONNECTIONS[found.scheme](found.hostname, found.port, timeout=30)

    def status(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> int:
        """Return the status of the answer."""
        return self._send(method, target, headers, body)[0]

    def patient_status(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> int:
        """Return the status of the answer, asking again while it is that this was too often."""
        return self._until_taken(method, target, headers, body)[0]

    def ask(self, method: str, path: str, body: Mapping[str, object] | None, token: str | None = None) -> Document:
        """Return the answer's JSON, empty where there is none; raises LocalError where it is an API error."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        sent = None if body is None else json.dumps(body).encode()
        status, text = self._until_taken(method, path, headers, sent)
        if status >= HTTPStatus.BAD_REQUEST:
            message = f"{method} {path} was answered {status}: {text.decode(errors='replace')}"
            raise LocalError(message)
        answer: Document = json.loads(text or b"{}")
        return answer

    def wait_until_refused(self, path: str, token: str) -> None:
        """Wait until a GET of `path` with the token is refused; raises LocalError after _TIMEOUT_SECONDS."""
        end = time.monotonic() + _TIMEOUT_SECONDS
        while self.patient_status("GET", path, {"Authorization": f"Bearer {token}"}, None) < HTTPStatus.BAD_REQUEST:
            if time.monotonic() > end:
                message = f"the token of a session that has ended is still taken after {_TIMEOUT_SECONDS} s"
                raise LocalError(message)
            time.sleep(0.1)

    def _until_taken(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        end = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            status, text = self._send(method, target, headers, body)
            if status != HTTPStatus.TOO_MANY_REQUESTS or time.monotonic() > end:
                return status, text
            time.sleep(1)

    def _send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
        try:
            return self._send_once(method, target, headers, body)
        except (http.client.HTTPException, ConnectionError):
            # The other side may close after any answer: what was sent meanwhile was not taken.
            self._connection.close()
            return self._send_once(method, target, headers, body)
        except OSError as error:
            message = f"nothing answers: {error}"
            raise LocalError(message) from None

    def _send_once(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, target, body, dict(headers))
        answer = self._connection.getresponse()
        return answer.status, answer.read()
