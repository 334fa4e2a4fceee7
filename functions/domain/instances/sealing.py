"""Sealing: a value that is encrypted at rest, with a data key of its own that a master key wraps (envelope encryption).

Both are sealed with AES-256-GCM, and bound to what the value is the value of: whoever moves it elsewhere can't open it
there. The master keys are in a secret, of which the first one wraps and any of them unwraps. So they are exchanged
without loss, and only the wrapped data keys are written anew for it, not what they have sealed.
"""

import hashlib
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from dataclasses import dataclass, field
from typing import Final

from core.configuration import secret

SECRET: Final = "instance-master-keys"  # noqa: S105 - the name of a secret
"""The secret that holds the master keys, one a line, each as 32 bytes in Base64."""

KEY_BYTES: Final = 32

_NONCE_BYTES: Final = 12
"""Drawn anew each time. A data key seals one value, and a master key wraps far fewer than the 2^32 that are safe."""


class NotKeysError(ValueError):
    """The secret holds no master keys, or something that is none; the message doesn't quote it."""


class NotSealedError(Exception):
    """What was to be opened wasn't sealed for this, or by no master key that is there; the message says which."""


@dataclass(frozen=True)
class MasterKey:
    """A key that wraps data keys."""

    id: str
    """Follows from the key, and doesn't tell it."""
    key: bytes = field(repr=False)


MasterKeys = tuple[MasterKey, ...]
"""Those that are in the secret, at least one: the first wraps, and any of them unwraps."""


@dataclass(frozen=True)
class DataKey:
    """The key of one value, wrapped."""

    key_id: str
    """The master key's."""
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True)
class Sealed:
    """A value that only who has the master key can read."""

    data_key: DataKey
    text: bytes = field(repr=False)
    """The value, encrypted."""


def new_key() -> str:
    """Return a new master key as it stands in the secret."""
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def master_keys(text: str | None = None) -> MasterKeys:
    """Return the master keys in the secret, or in a text that is to become it.

    Raises MissingSettingError, NotKeysError.
    """
    try:
        keys = [b64decode(line, validate=True) for line in (secret(SECRET) if text is None else text).split()]
    except NotBase64Error:
        raise NotKeysError(f"the secret {SECRET} holds a line that is no key: expected Base64") from None
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise NotKeysError(f"the secret {SECRET} needs one key or more, each of {KEY_BYTES} bytes")
    return tuple(MasterKey(hashlib.sha256(key).hexdigest()[:16], key) for key in keys)


def seal(keys: MasterKeys, value: bytes, bound_to: bytes) -> Sealed:
    """Return the value sealed, bound to what it is the value of."""
    data_key = secrets.token_bytes(KEY_BYTES)
    return Sealed(_wrap(keys, data_key, bound_to), _encrypt(data_key, value, bound_to))


def unseal(keys: MasterKeys, sealed: Sealed, bound_to: bytes) -> bytes:
    """Return the value that was sealed. Raises NotSealedError."""
    return _decrypt(_unwrap(keys, sealed.data_key, bound_to), sealed.text, bound_to)


def rewrap(keys: MasterKeys, data_key: DataKey, bound_to: bytes) -> DataKey:
    """Return the data key wrapped by the first master key. Raises NotSealedError."""
    return _wrap(keys, _unwrap(keys, data_key, bound_to), bound_to)


def _wrap(keys: MasterKeys, data_key: bytes, bound_to: bytes) -> DataKey:
    return DataKey(keys[0].id, _encrypt(keys[0].key, data_key, bound_to))


def _unwrap(keys: MasterKeys, data_key: DataKey, bound_to: bytes) -> bytes:
    for master in keys:
        if master.id == data_key.key_id:
            return _decrypt(master.key, data_key.wrapped, bound_to)
    raise NotSealedError(f"the master key {data_key.key_id} isn't in the secret {SECRET}")


def _encrypt(key: bytes, value: bytes, bound_to: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, bound_to)


def _decrypt(key: bytes, text: bytes, bound_to: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(text[:_NONCE_BYTES], text[_NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        raise NotSealedError("it was sealed for something else, or has been changed") from None
