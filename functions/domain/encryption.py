"""Encryption: AES-256-GCM under the keys that a secret holds, bound to what a value is the value of.

Whoever moves a value elsewhere can't open it there.
"""

import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from typing import Final

KEY_BYTES: Final = 32

_NONCE_BYTES: Final = 12
"""Drawn anew each time, which is safe for the first 2^32 values of a key."""


class NotKeysError(ValueError):
    """The secret holds no keys, or something that is none; the message doesn't quote it."""


class NotSealedError(Exception):
    """What was to be opened wasn't sealed for this, or by no key that is there."""


def new_key() -> str:
    """Return a new key as it stands in a secret."""
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def keys(name: str, text: str) -> tuple[bytes, ...]:
    """Return the keys in the text of the secret of this name: at least one, one a line, each in Base64.

    Raises NotKeysError.
    """
    try:
        found = tuple(b64decode(line, validate=True) for line in text.split())
    except NotBase64Error:
        raise NotKeysError(f"the secret {name} holds a line that is no key: expected Base64") from None
    if not found or any(len(key) != KEY_BYTES for key in found):
        raise NotKeysError(f"the secret {name} needs one key or more, each of {KEY_BYTES} bytes")
    return found


def encrypt(key: bytes, value: bytes, bound_to: bytes) -> bytes:
    """Return the value encrypted and authenticated, bound to what it is the value of."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, bound_to)


def decrypt(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """Return the value that was encrypted. Raises NotSealedError."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        raise NotSealedError("it was sealed for something else, or has been changed") from None
