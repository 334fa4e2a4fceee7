"""The keys of access tokens: two live pairs of Ed25519, of which one signs.

The secret `jwt-signing-key` is a JWK set of both private keys, and the first one signs; `jwt-public-keys` is the set of
their public halves, which every function knows. With two live keys a rotation breaks no token: `renew` replaces the
second pair in both secrets, and `switch` has it sign, once the secret has reached every function. A key that is taken
out of the public set is refused with the next request of whoever has the new secret, on open WebSockets too.
"""

import hashlib
import json
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from core.configuration import secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM: Final = "EdDSA"
PRIVATE: Final = "jwt-signing-key"
PUBLIC: Final = "jwt-public-keys"
LIVE_KEYS: Final = 2
"""The number of key pairs, of which the first signs."""


class _Pairs(TypedDict):
    """A JWK set."""

    keys: list[dict[str, str]]
    signs_since: NotRequired[int]
    """When its first key began to sign, in seconds since 1970."""


def generate(folder: Path) -> None:
    """Write new key pairs into `folder` as the secrets `jwt-signing-key` and `jwt-public-keys`, for its owner alone."""
    _write_pairs(folder, [_new_key() for _ in range(LIVE_KEYS)], signs_since=0)


def renew(folder: Path) -> tuple[str, str]:
    """Replace the pair in `folder` that doesn't sign by a new one; return the ids of the old and the new."""
    private, new = _private(folder), _new_key()
    first, old = private["keys"]
    _write_pairs(folder, [first, new], signs_since=private.get("signs_since", 0))
    return old["kid"], new["kid"]


def switch(folder: Path) -> str:
    """Have the other of the two pairs in `folder` sign from now on; return its id."""
    first, second = _private(folder)["keys"]
    _write(folder / PRIVATE, {"keys": [second, first], "signs_since": int(time.time())})
    return second["kid"]


def signs_since(folder: Path) -> int:
    """Return since when the first key in `folder` signs, in seconds since 1970: before, it was the other."""
    return _private(folder).get("signs_since", 0)


def signing_key() -> "tuple[str, Ed25519PrivateKey]":
    """Return the id of the key that signs now, and the private key as PyJWT takes it."""
    return _signing_key(secret(PRIVATE))


@lru_cache(maxsize=1)
def _signing_key(text: str) -> "tuple[str, Ed25519PrivateKey]":
    """Return the same of the text of the secret, which is read anew each time and taken apart once."""
    import jwt

    key = json.loads(text)["keys"][0]
    return str(key["kid"]), jwt.PyJWK(key, ALGORITHM).key


def public_keys() -> list[dict[str, str]]:
    """Return the public keys as JWKs (RFC 7517, RFC 8037)."""
    keys: list[dict[str, str]] = json.loads(secret(PUBLIC))["keys"]
    return keys


def _new_key() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from jwt.algorithms import OKPAlgorithm

    jwk: dict[str, str] = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    named = {"kid": hashlib.sha256(jwk["x"].encode()).hexdigest()[:16], "use": "sig", "alg": ALGORITHM}
    return jwk | named


def _public_half(key: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in key.items() if name != "d"}


def _private(folder: Path) -> _Pairs:
    found: _Pairs = json.loads((folder / PRIVATE).read_text(encoding="utf-8"))
    return found


def _write_pairs(folder: Path, private: list[dict[str, str]], *, signs_since: int) -> None:
    # What signs is known before it does.
    _write(folder / PUBLIC, {"keys": [_public_half(key) for key in private]})
    _write(folder / PRIVATE, {"keys": private, "signs_since": signs_since})


def _write(file: Path, keys: _Pairs) -> None:
    """Replace `file` in one step: a reader sees the old set or the new one, whole."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(keys, stream)
    unfinished.replace(file)
