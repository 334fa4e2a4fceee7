"""Calls of subscribers are signed as Standard Webhooks 1.0 has it, so that a subscriber knows who calls.

A sender signs `<webhook-id>.<webhook-timestamp>.<body>` with HMAC-SHA256 by every key that it has; a receiver is
satisfied by one signature of one of its keys. So keys are exchanged without loss: `botberi secrets rotate` adds the new
one, and `--finish` takes the old one away when all have read both.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hashlib
import hmac
import logging
import secrets
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Mapping
from typing import Final

from core.configuration import DELIVERY_KEYS, MissingSettingError, secret

log = logging.getLogger(__name__)

KEYS_NAME: Final = DELIVERY_KEYS
"""The secret that holds the dispatcher's keys, one a line, each as `whsec_` and Base64."""

PREFIX: Final = "whsec_"

KEY_BYTES: Final = 32

SHORTEST: Final = 24
"""Bytes of a key; so says the specification."""

HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")

TOLERANCE: Final = 300
"""Seconds that a delivery may be older or newer than the receiver's clock says."""

REREAD: Final = 2.0
"""Seconds after which the secret is read again: what was taken out of it is refused from then on."""

_VERSION: Final = "v1,"
"""The beginning of a signature by HMAC-SHA256."""


class NotSignedError(Exception):
    """A delivery isn't signed by anybody who may sign it; the message says why."""


class NotKeysError(ValueError):
    """The secret holds no keys, or something that is none; the message doesn't quote it."""


def new_key() -> str:
    """Return a new key as it stands in the secret."""
    return PREFIX + b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_keys(text: str, name: str = KEYS_NAME) -> tuple[bytes, ...]:
    """Return the keys in the text of the secret `name`, or raise NotKeysError."""
    try:
        keys = tuple(b64decode(line.strip().removeprefix(PREFIX), validate=True) for line in text.split())
    except NotBase64Error:
        raise NotKeysError(f"the secret {name} holds a line that is no key: expected {PREFIX} and Base64") from None
    if not keys or min(map(len, keys)) < SHORTEST:
        raise NotKeysError(f"the secret {name} needs one key or more, each of {SHORTEST} bytes at least")
    return keys


class Keys:
    """The keys in a secret, as it was within the last REREAD seconds; for any number of threads."""

    def __init__(self, name: str = KEYS_NAME) -> None:
        """`name` is that of the secret, which isn't read yet."""
        self._name = name
        self._keys: tuple[bytes, ...] = ()
        self._read = 0.0

    def current(self) -> tuple[bytes, ...]:
        """Return the keys; raise MissingSettingError or NotKeysError if none could ever be read."""
        now = time.monotonic()
        if not self._keys or now - self._read > REREAD:
            self._read = now
            try:
                self._keys = read_keys(secret(self._name), self._name)
            except (MissingSettingError, NotKeysError, OSError) as error:
                if not self._keys:
                    raise
                # While somebody is at the file, those that were there serve on.
                log.warning("the keys in %s can't be read again: %s", self._name, error)
        return self._keys


def message_id(function: str, source: str, event_id: str) -> str:
    """Return the `webhook-id` of an event on its way to a function: the same for each attempt, and for no other."""
    both = f"{source}\n{event_id}".encode(errors="replace")
    return f"{function}:{hashlib.sha256(both).hexdigest()[:32]}"


def signatures(keys: tuple[bytes, ...], message: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`: a signature by each key."""
    return " ".join(_VERSION + each for each in _signatures(keys, message, str(timestamp), body))


def headers(keys: tuple[bytes, ...], message: str, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery that is sent now."""
    now = int(time.time())
    return dict(zip(HEADERS, (message, str(now), signatures(keys, message, now, body)), strict=True))


def verify(keys: tuple[bytes, ...], function: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise NotSignedError unless the body was signed for this function, by one of the keys and just now.

    The names of `headers` are in lower case.
    """
    message, timestamp, given = (headers.get(name, "") for name in HEADERS)
    if not (message and timestamp and given):
        raise NotSignedError(f"the headers {', '.join(HEADERS)} are needed")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp[:20])) > TOLERANCE:
        raise NotSignedError(f"webhook-timestamp is not within {TOLERANCE} seconds of this clock")
    ours = [each.encode() for each in _signatures(keys, message, timestamp, body)]
    theirs = [each.removeprefix(_VERSION).encode() for each in given.split(" ") if each.startswith(_VERSION)]
    # All are compared, whichever fits: how long it takes tells nothing.
    if not sum(hmac.compare_digest(mine, yours) for mine in ours for yours in theirs[:_LIMIT]):
        raise NotSignedError("no signature fits")
    if message.partition(":")[0] != function:
        raise NotSignedError("it is signed for another function")


_LIMIT: Final = 8
"""Signatures that are looked at, whoever sends more."""


def _signatures(keys: tuple[bytes, ...], message: str, timestamp: str, body: bytes) -> list[str]:
    signed = b"%b.%b.%b" % (message.encode(), timestamp.encode(), body)
    return [b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
