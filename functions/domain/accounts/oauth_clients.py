"""Clients of OAuth: programs that tell who they are by a document at the address that is their id.

Nobody registers a client (OAuth Client ID Metadata Documents): its `client_id` is an https URL, at which it says what
it is called and where people's browsers may be sent back to. The document is fetched from nowhere in a network that
nobody named, and is kept for minutes.
"""

import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

from functions.domain import outbound
from functions.domain.api_errors import Invalid, NotFound

NETWORKS_SETTING: Final = "OAUTH_CLIENT_NETWORKS"
"""Networks in which documents of clients may be beside public addresses, with spaces."""

MAX_ID: Final = 512
"""Characters of a client's id."""

MAX_REDIRECT: Final = 2048

KEPT_SECONDS: Final = 300

MOST_KEPT: Final = 256

MOST_BYTES: Final = 16 * 1024

SECONDS: Final = 5
"""In which a document has to be there."""

_MAX_NAME: Final = 100

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class ClientNotFound(NotFound):
    """There is no document of a client at this client_id, which has to be its https URL and stand in it."""


class RedirectNotRegistered(Invalid):
    """The client's document doesn't have this redirect_uri."""


@dataclass(frozen=True)
class OAuthClient:
    """A client, as its document has it."""

    id: str
    name: str
    """What it calls itself: anybody may call theirs so."""
    redirect_uris: tuple[str, ...]

    @property
    def host(self) -> str:
        """The host that its document is on, which is all that is known of it for sure."""
        return urlsplit(self.id).netloc

    def check_redirect(self, uri: str) -> None:
        """Raise RedirectNotRegistered unless a browser may be sent there.

        It is one of those in the document, to the letter; for a program on the person's own machine on any port.
        """
        if not _may_be_sent_to(uri) or not any(
            uri == each or _is_same_program(uri, each) for each in self.redirect_uris
        ):
            raise RedirectNotRegistered


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    clients: OrderedDict[str, tuple[float, OAuthClient]] = field(default_factory=OrderedDict)


_kept: Final = _Kept()


def find(client_id: str) -> OAuthClient:
    """Return a client, by its document, for which no transaction is to be open. Raises ClientNotFound."""
    with _kept.lock:
        found = _kept.clients.get(client_id)
    if found is not None and found[0] + KEPT_SECONDS > time.monotonic():
        return found[1]
    client = _read(client_id, _fetched(client_id))
    with _kept.lock:
        _kept.clients[client_id] = time.monotonic(), client
        _kept.clients.move_to_end(client_id)
        while len(_kept.clients) > MOST_KEPT:
            _kept.clients.popitem(last=False)
    return client


def _fetched(client_id: str) -> object:
    from core import http_client

    _check_id(client_id)
    address = http_client.Address(client_id, allows=partial(outbound.allows, networks_setting=NETWORKS_SETTING))
    headers = {"Accept": "application/json", "User-Agent": "Botberi"}
    try:
        # It follows nothing: a document is where its client says, or nowhere.
        with http_client.exchange("GET", address, seconds=SECONDS, headers=headers) as response:
            status, text = response.status, response.read(MOST_BYTES + 1)
        if status != HTTPStatus.OK or len(text) > MOST_BYTES:
            raise ClientNotFound
        return json.loads(text)
    except (OSError, ValueError, RecursionError):
        raise ClientNotFound from None


def _check_id(client_id: str) -> None:
    parts = _split(client_id)
    if (
        parts is None
        or parts.scheme != "https"
        or len(client_id) > MAX_ID
        or not parts.hostname
        or parts.username is not None
        or "#" in client_id
        or parts.path in {"", "/"}
        or {".", ".."} & set(parts.path.split("/"))
    ):
        raise ClientNotFound


def _read(client_id: str, told: object) -> OAuthClient:
    """Return the client of a document, whose own word for itself has to be its address."""
    if not isinstance(told, dict) or told.get("client_id") != client_id:
        raise ClientNotFound
    # A secret in a document that everybody reads is none.
    if told.get("token_endpoint_auth_method", "none") != "none" or "client_secret" in told:
        raise ClientNotFound
    name, uris = told.get("client_name"), told.get("redirect_uris")
    if not isinstance(uris, list) or not all(isinstance(each, str) for each in uris):
        raise ClientNotFound
    shown = "".join(each for each in name if each.isprintable()).strip() if isinstance(name, str) else ""
    return OAuthClient(client_id, shown[:_MAX_NAME] or urlsplit(client_id).netloc, tuple(uris))


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None for what is none, or is written so that others read it in another way."""
    if not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _may_be_sent_to(uri: str) -> bool:
    """Return whether it is https, or http on the person's own machine, with nothing in it that is of no use there."""
    parts = _split(uri)
    if parts is None or not parts.hostname or parts.username is not None or "#" in uri or len(uri) > MAX_REDIRECT:
        return False
    return parts.scheme == "https" or _is_loopback(parts)


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _is_same_program(uri: str, registered: str) -> bool:
    """Return whether both are a program's on the person's own machine, and differ in the port alone (RFC 8252, 7.3)."""
    one, other = _split(uri), _split(registered)
    if one is None or other is None or not _is_loopback(one) or not _is_loopback(other):
        return False
    return (one.hostname, one.path, one.query) == (other.hostname, other.path, other.query)
