"""HTTP clients of an API: in this process, and over a port."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partialmethod
from typing import Final
from uuid import uuid4

from werkzeug.datastructures import Headers
from werkzeug.test import Client as WerkzeugClient

from core import http_client
from events import signing
from events.wire import BATCH_CONTENT_TYPE, CONTENT_TYPE
from functions.runtime.declarations import Declaration
from functions.runtime.hosting import Host
from testing.responses import Response, check_documented

Send = Callable[[str, str, Mapping[str, str], bytes | None], Response]
"""Takes method, path, headers and body."""

SECONDS: Final = 30


class Client:
    """Sends requests to one API and fails the test when an answer isn't one that the endpoint declares."""

    def __init__(self, send: Send, declarations: Iterable[Declaration] = ()) -> None:
        """`send` does the sending; `declarations` are those of the endpoints that it reaches."""
        self._send = send
        self._endpoints = [each for each in declarations if each.api != "subscribers"]

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request: with `json` or the bytes `data` as its body, with an access token."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if json is not None:
            data = _dumped(json)
            sent.setdefault("Content-Type", "application/json")
        answer = self._send(method, path, sent, data)
        check_documented(self._endpoints, method, path, answer)
        return answer

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    patch = partialmethod(request, "PATCH")
    delete = partialmethod(request, "DELETE")


def _dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def signed(function: str, body: bytes, secret: str = signing.KEYS_NAME) -> dict[str, str]:
    """Return the headers with which a function is called by the dispatcher, or by whoever has another secret."""
    message = signing.message_id(function, "test", uuid4().hex)
    kind = BATCH_CONTENT_TYPE if body.startswith(b"[") else CONTENT_TYPE
    return {"Content-Type": kind, **signing.headers(signing.Keys(secret).current(), message, body)}


class Api:
    """A client for each API, and one for subscribers."""

    has_runner = False
    """Whether a runner sees through what is asked of instances."""

    def __init__(self, send: Callable[[str], Send], declarations: Sequence[Declaration]) -> None:
        """`send` returns the sender for an API: `user`, `admin`, `broker`, or `subscribers`."""
        self.declarations = declarations
        self.user = self._client("user", send)
        self.admin = self._client("admin", send)
        self.broker = self._client("broker", send)
        self.subscribers = Client(send("subscribers"))

    def _client(self, api: str, send: Callable[[str], Send]) -> Client:
        return Client(send(api), [each for each in self.declarations if each.api == api])

    def deliver(self, function: str, *events: Mapping[str, object]) -> Response:
        """Deliver a CloudEvent, or several in one call, to a subscriber as who calls it does.

        Its name is `converge_instance` or `converge-instance`.
        """
        function, body = function.replace("_", "-"), _dumped(events[0] if len(events) == 1 else list(events))
        keys = next((each.signing_keys for each in self.declarations if each.deployment == function), signing.KEYS_NAME)
        return self.subscribers.post(f"/function/{function}", data=body, headers=signed(function, body, keys))


def in_process(host: Host, ports: Mapping[str, int]) -> Callable[[str], Send]:
    """Return what sends to a host in this process; `ports` by API, as the host knows them."""
    client = WerkzeugClient(host, use_cookies=False)

    def to(api: str) -> Send:
        def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Response:
            address = f"http://localhost:{ports[api]}"
            response = client.open(path, method=method, base_url=address, headers=dict(headers), data=body)
            return Response(response.status_code, response.headers, response.get_data())

        return send

    return to


def over_http(addresses: Mapping[str, str]) -> Callable[[str], Send]:
    """Return what sends over HTTP; `addresses` (`http://host:port`) by API."""

    def to(api: str) -> Send:
        def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Response:
            url = addresses[api] + path
            response = http_client.request(method, url, seconds=SECONDS, body=body, headers=headers)
            return Response(response.status, Headers(list(response.headers.items())), response.body)

        return send

    return to
