"""Sealing: a value that is encrypted at rest, with a data key of its own that a master key wraps (envelope encryption).

Both are sealed with AES-256-GCM, and bound to what the value is the value of: whoever moves it elsewhere can't open it
there. The master keys are in a secret, of which the first one wraps and any of them unwraps. So they are exchanged
without loss, and only the wrapped data keys are written anew for it, not what they have sealed.
"""

import hashlib
import secrets
from dataclasses import dataclass, field

from core.configuration import secret
from functions.domain import encryption
from functions.domain.encryption import KEY_BYTES, NotSealedError


@dataclass(frozen=True)
class MasterKey:
    """A key that wraps data keys."""

    id: str
    """Follows from the key, and doesn't tell it."""
    secret: str
    """The name of the secret that it is in."""
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


def master_keys(name: str, text: str | None = None) -> MasterKeys:
    """Return the master keys in the secret of this name, or in a text that is to become it.

    Raises MissingSettingError, NotKeysError.
    """
    found = encryption.keys(name, secret(name) if text is None else text)
    return tuple(MasterKey(hashlib.sha256(key).hexdigest()[:16], name, key) for key in found)


def seal(keys: MasterKeys, value: bytes, bound_to: bytes) -> Sealed:
    """Return the value sealed, bound to what it is the value of."""
    data_key = secrets.token_bytes(KEY_BYTES)
    return Sealed(_wrap(keys, data_key, bound_to), encryption.encrypt(data_key, value, bound_to))


def unseal(keys: MasterKeys, sealed: Sealed, bound_to: bytes) -> bytes:
    """Return the value that was sealed. Raises NotSealedError."""
    return encryption.decrypt(_unwrap(keys, sealed.data_key, bound_to), sealed.text, bound_to)


def rewrap(keys: MasterKeys, data_key: DataKey, bound_to: bytes) -> DataKey:
    """Return the data key wrapped by the first master key. Raises NotSealedError."""
    return _wrap(keys, _unwrap(keys, data_key, bound_to), bound_to)


def _wrap(keys: MasterKeys, data_key: bytes, bound_to: bytes) -> DataKey:
    return DataKey(keys[0].id, encryption.encrypt(keys[0].key, data_key, bound_to))


def _unwrap(keys: MasterKeys, data_key: DataKey, bound_to: bytes) -> bytes:
    for master in keys:
        if master.id == data_key.key_id:
            return encryption.decrypt(master.key, data_key.wrapped, bound_to)
    raise NotSealedError(
        f"the master key {data_key.key_id} isn't in the secret {keys[0].secret}: add it after those that are"
    )
