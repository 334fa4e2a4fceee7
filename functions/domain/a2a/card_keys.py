"""The keys that sign cards, and the signatures: JWS (RFC 7515) over a card in its canonical form (RFC 8785).

A card is signed by every key that the secret has, and a client is satisfied by one: so keys are exchanged without a
card that fails. They sign nothing else, least of all access tokens, and have a key set of their own.
"""

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from core.configuration import secret
from functions.domain import encryption

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Json = dict[str, JsonValue]

NAME: Final = "card-signing-keys"
"""The secret that holds the keys, one a line: the 32 bytes of an Ed25519 key, in Base64."""

PATH: Final = "/.well-known/card-keys.json"
"""Where their public halves are."""

_ALGORITHM: Final = "EdDSA"


def public_keys() -> list[dict[str, str]]:
    """Return the public halves as JWKs (RFC 7517, RFC 8037). Raises MissingSettingError, NotKeysError."""
    return [
        {"kid": _id(x), "kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": _ALGORITHM}
        for x in map(_public, _keys())
    ]


def signed(card: Json, api: str) -> Json:
    """Return a card with its signatures; `api` is the address below which the public keys are.

    It has no empty value: what a client leaves out of the canonical form, and what it keeps, is then the same.
    """
    payload = _encoded(canonical(card).encode())
    signatures: list[JsonValue] = []
    for key in _keys():
        header = {"alg": _ALGORITHM, "kid": _id(_public(key)), "typ": "JOSE", "jku": api + PATH}
        protected = _encoded(json.dumps(header, separators=(",", ":")).encode())
        signature = _encoded(key.sign(f"{protected}.{payload}".encode()))
        signatures.append({"protected": protected, "signature": signature})
    return card | {"signatures": signatures}


def canonical(card: Json) -> str:
    """Return a card of texts, booleans, lists and objects with ASCII keys in the form of RFC 8785."""
    return json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _keys() -> "list[Ed25519PrivateKey]":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return [Ed25519PrivateKey.from_private_bytes(each) for each in encryption.keys(NAME, secret(NAME))]


def _public(key: "Ed25519PrivateKey") -> str:
    return _encoded(key.public_key().public_bytes_raw())


def _id(public: str) -> str:
    return hashlib.sha256(public.encode()).hexdigest()[:16]


def _encoded(told: bytes) -> str:
    return base64.urlsafe_b64encode(told).decode().rstrip("=")
