"""Owners: accounts that ask for things as programs of people do, and ask again while they aren't served."""

import json
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from core import http_client
from tools.chaos.kills.noted import Noted
from tools.documents import Document

TIMEOUT: Final = 180
"""Seconds after which something that an owner waits for is taken as never happening."""

ATTEMPT: Final = 60
"""Seconds for one request: longer than anything that the API does, so that none is done after it was given up."""

_PAUSE: Final = 0.3
"""Seconds before a stream is asked for again."""

PASSWORD: Final = secrets.token_urlsafe()


class StuckError(Exception):
    """Something that an owner waits for doesn't happen."""


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    body: Document

    @property
    def code(self) -> str:
        """The code of an API error."""
        return str(self.body.get("code", ""))


class Owner:
    """An account, and its requests."""

    def __init__(self, address: str, email: str, noted: Noted) -> None:
        """Register at the API's address."""
        self._address = address
        self._credentials = {"email": email, "password": PASSWORD}
        self._noted = noted
        self._lock = threading.Lock()
        self._token = ""
        self.ask("POST", "/v1/auth/register", self._credentials, authorized=False)
        self.id = str(self.ask("GET", "/v1/me").body["id"])

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        authorized: bool = True,
    ) -> Answer:
        """Ask until it is answered with anything but that it can't be served just now. Raises StuckError."""
        end, pause = time.monotonic() + TIMEOUT, 0.1
        while time.monotonic() < end and not self._noted.ended.is_set():
            sent = {**(headers or {}), **(self.authorization() if authorized else {})}
            answer = self.once(method, path, body, sent)
            if answer is not None and not self._is_temporary(answer):
                return answer
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        message = f"{method} {path} isn't served within {TIMEOUT} s"
        raise StuckError(message)

    def once(
        self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str]
    ) -> Answer | None:
        """Ask once, and return the answer; None for none, or for one that was cut off."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": headers.get("Content-Type", "application/json"), **headers}
        try:
            response = http_client.request(method, self._address + path, seconds=ATTEMPT, body=data, headers=sent)
            answer = Answer(response.status, json.loads(response.body or b"{}"))
        except (OSError, ValueError):
            answer = None
        if method != "GET":
            self._noted.count(served=answer is not None and answer.status != HTTPStatus.SERVICE_UNAVAILABLE)
        if answer is not None and answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self._noted.wrong("orderly", f"{method} {path}", f"was answered 500: {answer.body}")
        return answer

    def begin_stream(self, method: str, path: str, body: Mapping[str, object]) -> None:
        """Ask for a stream until it begins, and leave it then. Raises StuckError."""
        end, data = time.monotonic() + TIMEOUT, json.dumps(body).encode()
        while time.monotonic() < end and not self._noted.ended.is_set():
            sent = {"Content-Type": "application/json", "Accept": "text/event-stream", **self.authorization()}
            status = None
            with (
                suppress(OSError),
                http_client.exchange(method, self._address + path, seconds=ATTEMPT, body=data, headers=sent) as found,
            ):
                status = found.status
            self._noted.count(served=status == HTTPStatus.OK)
            if status == HTTPStatus.OK:
                return
            if status == HTTPStatus.UNAUTHORIZED:
                self.forget_token()
            time.sleep(_PAUSE)
        message = f"{method} {path} isn't served within {TIMEOUT} s"
        raise StuckError(message)

    def say(self, instance_id: str, text: str) -> Answer | None:
        """Send a message once, and wait for the end of its run."""
        path = f"/v1/instances/{instance_id}/messages"
        return self.once("POST", path, {"text": text}, {**self.authorization(), "Prefer": "wait=10"})

    def forget_token(self) -> None:
        """Have another one taken for what is asked next."""
        self._token = ""

    def _is_temporary(self, answer: Answer) -> bool:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # Access tokens live for ten minutes.
            self.forget_token()
        again = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR}
        return answer.status in {*again, HTTPStatus.SERVICE_UNAVAILABLE} or answer.code == "idempotency_key_in_flight"

    def authorization(self) -> dict[str, str]:
        """Return the header that says who asks."""
        with self._lock:
            if not self._token:
                answer = self.ask("POST", "/v1/auth/login", self._credentials, authorized=False)
                self._token = str(answer.body["access_token"])
            return {"Authorization": f"Bearer {self._token}"}
