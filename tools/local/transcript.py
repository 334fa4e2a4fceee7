"""A conversation over HTTP, printed as it goes: each request as a curl line, each answer in short."""

import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import JsonValue

from core import http_client
from tools.documents import Document
from tools.local.errors import LocalError

_LONG: Final = 160
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class Answered:
    """An answer."""

    status: int
    etag: str | None
    body: Document
    """JSON; empty where there is none."""


class Transcript:
    """Talks to one address."""

    def __init__(self, address: str, *, brief: bool = False) -> None:
        """Talk to `address` (`http://localhost:8080`, `https://api.example.com`); `brief` prints the chapters alone."""
        found = urlsplit(address)
        if found.scheme not in ("http", "https") or found.hostname is None:
            message = f"{address} is not an address like http://localhost:8080 or https://api.example.com"
            raise LocalError(message)
        self.address = address.rstrip("/")
        self.brief = brief

    def chapter(self, title: str) -> None:
        """Begin something new."""
        _write(f"\n== {title}\n")

    def say(self, text: str) -> None:
        """Explain what comes."""
        self.tell(f"\n# {text}\n")

    def tell(self, text: str) -> None:
        """Print a part of the story."""
        if not self.brief:
            _write(text)

    def ask(
        self,
        method: str,
        path: str,
        *,
        expect: int | None,
        who: tuple[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        show: tuple[str, ...] = (),
        hide: Mapping[str, object] | None = None,
        quiet: bool = False,
    ) -> Answered:
        """Send a request and print both sides; raises LocalError unless the status is `expect`, if any.

        `who` is a name for the token and the token. Of the answer the fields `show` are printed, of an `items` list
        those of each item. `hide` are body fields that are shown as a shell variable. `quiet` prints nothing.
        """
        sent = dict(headers or {})
        shown = {**(body or {}), **(hide or {})} if body is not None or hide else None
        if not quiet:
            self.tell(self._curl(method, path, who, shown, sent))
        if who is not None:
            sent["Authorization"] = f"Bearer {who[1]}"
        answered = self._send(method, path, sent, None if body is None else dict(body))
        if not quiet:
            self.tell(f"  {answered.status} {_short(answered.body, show)}".rstrip() + "\n")
        if expect is not None and answered.status != expect:
            message = f"{method} {path} answered {answered.status} where {expect} was expected: {answered.body}"
            raise LocalError(message)
        return answered

    def wait(self, what: Callable[[], str], until: str, seconds: float = 30) -> None:
        """Print what `what()` returns whenever it changes, until it is `until`."""
        end = time.monotonic() + seconds
        seen = None
        while seen != until:
            if (now := what()) != seen:
                self.tell(f"  … {now}\n")
                seen = now
            elif time.monotonic() > end:
                message = f"it is still {now} after {seconds:.0f} seconds, and was to be {until}"
                raise LocalError(message)
            time.sleep(0.1)

    def _send(self, method: str, path: str, headers: dict[str, str], body: dict[str, object] | None) -> Answered:
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            response = http_client.request(method, self.address + path, seconds=30, body=data, headers=headers)
        except ConnectionRefusedError:
            message = f"nothing answers at {self.address}: start `make run` in another terminal first"
            raise LocalError(message) from None
        except OSError as error:
            message = f"{self.address} doesn't answer: {error}"
            raise LocalError(message) from None
        answer = json.loads(response.body) if response.body else {}
        return Answered(response.status, response.headers.get("ETag"), answer)

    def _curl(
        self,
        method: str,
        path: str,
        who: tuple[str, str] | None,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
    ) -> str:
        parts = ["$ curl"] if method == "GET" else ["$ curl", "-X", method]
        parts.append(shlex.quote(f"{self.address}{path}"))
        if who is not None:
            parts.append(f'-H "Authorization: Bearer ${who[0]}"')
        parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
        if body is not None:
            parts.append(f"--json {shlex.quote(json.dumps(body, ensure_ascii=False))}")
        return " ".join(parts) + "\n"


def _short(body: Document, show: tuple[str, ...]) -> str:
    if "items" in body:
        return "".join(f"\n    {_short(item, show)}" for item in body["items"])
    if "code" in body and "trace_id" in body:
        show = ("code", "detail", "errors")
    fields = show or tuple(body)
    return "  ".join(f"{field}: {_value(body[field])}" for field in fields if field in body)


def _value(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
