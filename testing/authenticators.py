"""An authenticator in software for tests, and the browser in front of it: it makes passkeys, and signs with them.

Everything that it does wrong is asked of it by the test.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256, RS256, CoseKey, EdDSA
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from functions.domain.accounts import webauthn
from testing.clients import Api
from testing.people import Person
from testing.responses import Response
from tools.documents import Document

PRESENT: Final = AuthenticatorData.FLAG.UP
VERIFIED: Final = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV
BACKED_UP: Final = AuthenticatorData.FLAG.BE | AuthenticatorData.FLAG.BS

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def new_key(algorithm: int) -> Key:
    """Return a new private key for a COSE algorithm."""
    if algorithm == ES256.ALGORITHM:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == EdDSA.ALGORITHM:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key: Key) -> CoseKey:
    """Return the public half of a key as authenticators tell it (RFC 9053, RFC 8230)."""
    match key:
        case ec.EllipticCurvePrivateKey():
            point = key.public_key().public_numbers()
            return ES256({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        case ed25519.Ed25519PrivateKey():
            return EdDSA({1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()})
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            return RS256({1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")})


def signature(key: Key, message: bytes) -> bytes:
    """Return a signature of a message."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(message, ec.ECDSA(SHA256()))
        case ed25519.Ed25519PrivateKey():
            return key.sign(message)
        case rsa.RSAPrivateKey():
            return key.sign(message, padding.PKCS1v15(), SHA256())


@dataclass
class Authenticator:
    """Has one passkey."""

    algorithm: int = ES256.ALGORITHM
    flags: AuthenticatorData.FLAG = VERIFIED
    count: int = 1
    """What it tells next; 0 for one that doesn't count."""
    credential_id: bytes = field(default_factory=lambda: uuid4().bytes)
    key: Key = field(init=False)
    user_handle: bytes = b""

    def __post_init__(self) -> None:
        """Make the key."""
        self.key = new_key(self.algorithm)

    def make(self, options: Document, **wrong: Any) -> Document:
        """Return what a browser sends of the passkey that was made by `options`, with something wrong."""
        self.user_handle = websafe_decode(options["user"]["id"])
        made = AttestedCredentialData.create(Aaguid.NONE, self.credential_id, wrong.pop("key", public(self.key)))
        told = self._told(options["rp"]["id"], wrong, bytes(made))
        attestation = AttestationObject.create("none", told, {})
        client_data = client_data_of(CollectedClientData.TYPE.CREATE, options, wrong)
        response = {"attestationObject": websafe_encode(attestation), "transports": ["internal", "hybrid"]}
        return self._credential(client_data, response, wrong)

    def sign(self, options: Document, **wrong: Any) -> Document:
        """Return what a browser sends of the passkey that has signed what `options` say, with something wrong."""
        told = self._told(options["rpId"], wrong)
        client_data = client_data_of(CollectedClientData.TYPE.GET, options, wrong)
        key = wrong.pop("key", self.key)
        handle = wrong.pop("user_handle", self.user_handle)
        response = {
            "authenticatorData": websafe_encode(told),
            "signature": websafe_encode(signature(key, told + sha256(client_data))),
            "userHandle": None if handle is None else websafe_encode(handle),
        }
        return self._credential(client_data, response, wrong)

    def _told(self, rp_id: str, wrong: Document, made: bytes = b"") -> AuthenticatorData:
        flags = wrong.pop("flags", self.flags) | (AuthenticatorData.FLAG.AT if made else 0)
        count = wrong.pop("count", self.count)
        self.count += 1 if self.count else 0
        told: AuthenticatorData = AuthenticatorData.create(
            sha256(wrong.pop("rp_id", rp_id).encode()), flags, count, made
        )
        return told

    def _credential(self, client_data: bytes, response: Document, wrong: Document) -> Document:
        credential_id = websafe_encode(wrong.pop("credential_id", self.credential_id))
        assert not wrong, wrong
        return {
            "id": credential_id,
            "rawId": credential_id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": {"clientDataJSON": websafe_encode(client_data), **response},
        }


def client_data_of(kind: str, options: Document, wrong: Document) -> CollectedClientData:
    """Return what a browser has an authenticator sign of where it was asked, with something wrong."""
    return CollectedClientData.create(
        type=wrong.pop("type", kind),
        challenge=wrong.pop("challenge", options["challenge"]),
        origin=wrong.pop("origin", webauthn.origins()[0]),
        cross_origin=wrong.pop("cross_origin", False),
    )


def begin(api: Api, token: str) -> Document:
    """Return the challenge and the options for a passkey to be registered."""
    begun = api.user.post("/v1/me/passkeys/options", token=token)
    assert begun.status_code == 200, begun.text
    return dict(begun.json)


def register(api: Api, token: str, authenticator: Authenticator, name: str = "Phone", **wrong: Any) -> Response:
    """Have somebody register a passkey."""
    begun = begin(api, token)
    body = {"challenge": begun["challenge"], "name": name, "passkey": authenticator.make(begun["options"], **wrong)}
    return api.user.post("/v1/me/passkeys", json=body, token=token)


def enrol(api: Api, somebody: Person, authenticator: Authenticator | None = None) -> Authenticator:
    """Have somebody register the first passkey, and return its authenticator."""
    made = authenticator or Authenticator()
    answer = register(api, somebody.token, made)
    assert answer.status_code == 201, answer.text
    return made


def begin_login(api: Api) -> Document:
    """Return the challenge and the options for a log-in with a passkey."""
    begun = api.user.post("/v1/auth/passkeys/options")
    assert begun.status_code == 200, begun.text
    return dict(begun.json)


def log_in(api: Api, authenticator: Authenticator, **wrong: Any) -> Response:
    """Log in with a passkey, with something wrong."""
    begun = begin_login(api)
    return show(api, begun["challenge"], authenticator.sign(begun["options"], **wrong))


def show(api: Api, challenge: str, passkey: Document) -> Response:
    """Send what a passkey has signed, to log in."""
    return api.user.post("/v1/auth/passkeys/verify", json={"challenge": challenge, "passkey": passkey})
