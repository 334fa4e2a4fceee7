"""Signatures of what this platform says to itself, by way of somebody else: HMAC-SHA-256 by a key of a secret."""

import hmac
from base64 import urlsafe_b64encode

from core.configuration import secret
from functions.domain import encryption


def sign(keys_name: str, purpose: str, told: str) -> str:
    """Return a signature of what is told for a purpose, by the first key of the secret of that name.

    Raises MissingSettingError without the secret, and NotKeysError for one that holds no keys.
    """
    return _signature(_keys(keys_name)[0], purpose, told)


def is_signed(keys_name: str, purpose: str, told: str, signature: str) -> bool:
    """Return whether any key of the secret has signed this for that purpose. Raises as `sign` does."""
    # All are compared, whichever fits: how long it takes tells nothing.
    fitting = [
        hmac.compare_digest(_signature(key, purpose, told).encode(), signature.encode(errors="replace"))
        for key in _keys(keys_name)
    ]
    return any(fitting)


def _keys(name: str) -> tuple[bytes, ...]:
    return encryption.keys(name, secret(name))


def _signature(key: bytes, purpose: str, told: str) -> str:
    signed = hmac.digest(key, f"botberi {purpose} 1 {told}".encode(errors="replace"), "sha256")
    return urlsafe_b64encode(signed).decode().rstrip("=")
