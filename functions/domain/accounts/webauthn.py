"""WebAuthn, as passkeys need it: what is checked of that which an authenticator made or signed. It knows no database.

Both ceremonies (Web Authentication Level 3, sections 7.1 and 7.2) are Yubico's library's. Checked here is what it
leaves to others: the origin by a list, the algorithm and the form of a key, flags that contradict each other, pages
within pages, and whether something can be read at all.
"""

import base64
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from core.configuration import setting

if TYPE_CHECKING:
    from fido2.cose import CoseKey
    from fido2.server import Fido2Server
    from fido2.webauthn import AuthenticatorData, CollectedClientData

Read = TypeVar("Read")

RP_ID_SETTING: Final = "WEBAUTHN_RP_ID"
"""The domain that passkeys belong to: pages on it and on those below it can use them."""

ORIGINS_SETTING: Final = "WEBAUTHN_ORIGINS"
"""The origins of the pages from which they are taken, with spaces between them."""

SETTINGS: Final = (RP_ID_SETTING, ORIGINS_SETTING)

RP_NAME: Final = "Botberi"
"""What authenticators call the service."""

ALGORITHMS: Final = (-7, -8, -257)
"""ES256, EdDSA and RS256, as COSE numbers them: the first is liked best."""

TIMEOUT_MILLISECONDS: Final = 300_000
"""For how long a browser is to wait for the authenticator: as long as a challenge is good."""

_CREDENTIAL_ID_BYTES: Final = 1023

_COORDINATE_BYTES: Final = 32

_MODULUS_BYTES: Final = range(256, 513)
"""Of RSA keys: what is shorter is weak, and what is longer takes too long."""

_EXPONENT: Final = b"\x01\x00\x01"
"""That of every RSA key that an authenticator makes."""

_UNREADABLE: Final = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError),
    *(RecursionError, struct.error),
)
"""What the library raises on bytes that are no CBOR, no JSON, or not of the form that they should have."""


class NotAcceptedError(Exception):
    """Something isn't what was asked for; the message says why, to whoever sent it."""


@dataclass(frozen=True)
class Attestation:
    """What a browser sends of a passkey that was made."""

    client_data: bytes
    attestation_object: bytes


@dataclass(frozen=True)
class Assertion:
    """What a browser sends of a passkey that has signed."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes | None
    """Whose the passkey is, as it was told when it was made; an authenticator may leave it out."""


@dataclass(frozen=True)
class Signed:
    """An assertion that could be read, and was made where and how it should be; who signed it isn't checked yet."""

    assertion: Assertion
    client_data: "CollectedClientData"
    told: "AuthenticatorData"


@dataclass(frozen=True)
class State:
    """What an authenticator tells of a passkey each time."""

    sign_count: int
    """How often it has signed; 0 for one that doesn't count."""
    backup_eligible: bool
    """Whether the private key may leave the authenticator, for another of the same person."""
    backed_up: bool
    """Whether it is kept elsewhere too."""


@dataclass(frozen=True)
class Credential:
    """A passkey that was made."""

    id: bytes
    public_key: bytes
    """COSE."""
    state: State


def rp_id() -> str:
    """Return the domain that passkeys belong to."""
    return setting(RP_ID_SETTING, "localhost")


def origins() -> tuple[str, ...]:
    """Return the origins of the pages from which passkeys are taken."""
    return tuple(setting(ORIGINS_SETTING, "http://localhost:8080").split())


def encoded(value: bytes) -> str:
    """Return bytes as WebAuthn's JSON has them: in Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Return what `encoded` was given."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def registered(attestation: Attestation, challenge: str) -> Credential:
    """Return the passkey that was made for a challenge. Raises NotAcceptedError."""
    from fido2 import cbor
    from fido2.webauthn import (
        AttestationObject,
        AuthenticatorAttestationResponse,
        CollectedClientData,
        RegistrationResponse,
    )

    client_data = _read(CollectedClientData, attestation.client_data)
    found = _read(AttestationObject, attestation.attestation_object)
    told = found.auth_data.credential_data
    if told is None or not 0 < len(told.credential_id) <= _CREDENTIAL_ID_BYTES:
        raise NotAcceptedError("There is no passkey in it.")
    _check(client_data, found.auth_data)
    answer = AuthenticatorAttestationResponse(client_data=client_data, attestation_object=found)
    response = RegistrationResponse(raw_id=told.credential_id, response=answer)
    _completed(lambda: _server().register_complete(_state(challenge), response))
    _check_key(told.public_key)
    return Credential(told.credential_id, cbor.encode(told.public_key), _state_of(found.auth_data))


def read(assertion: Assertion) -> Signed:
    """Return an assertion as it can be read, whoever has made it. Raises NotAcceptedError."""
    from fido2.webauthn import AuthenticatorData, CollectedClientData

    client_data = _read(CollectedClientData, assertion.client_data)
    told = _read(AuthenticatorData, assertion.authenticator_data)
    _check(client_data, told)
    return Signed(assertion, client_data, told)


def verified(signed: Signed, challenge: str, public_key: bytes) -> State:
    """Return what an authenticator tells that has signed a challenge with a passkey. Raises NotAcceptedError."""
    from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticationResponse, AuthenticatorAssertionResponse

    answer = AuthenticatorAssertionResponse(
        client_data=signed.client_data, authenticator_data=signed.told, signature=signed.assertion.signature
    )
    credential_id = signed.assertion.credential_id
    response = AuthenticationResponse(raw_id=credential_id, response=answer)
    length = len(credential_id).to_bytes(2, "big")
    known = AttestedCredentialData(Aaguid.NONE + length + credential_id + public_key)
    _completed(lambda: _server().authenticate_complete(_state(challenge), [known], response))
    return _state_of(signed.told)


def _read(kind: Callable[[bytes], Read], value: bytes) -> Read:
    try:
        return kind(value)
    except _UNREADABLE:
        raise NotAcceptedError("It can't be read.") from None


def _check(client_data: "CollectedClientData", told: "AuthenticatorData") -> None:
    """Check what the library doesn't, or says less well."""
    if client_data.origin not in origins():
        raise NotAcceptedError("It was made on a page of an origin from which no passkeys are taken here.")
    if client_data.cross_origin is not False:
        raise NotAcceptedError("It was made on a page within a page of another origin.")
    if not told.is_user_verified():
        raise NotAcceptedError("The authenticator hasn't verified who uses it, by a PIN, a finger or a face.")
    if told.is_backed_up() and not told.is_backup_eligible():
        raise NotAcceptedError("The authenticator contradicts itself.")


def _completed(ceremony: Callable[[], object]) -> None:
    try:
        ceremony()
    except _UNREADABLE:
        # Which it was helps those alone who try.
        raise NotAcceptedError("It isn't what was asked for, or wasn't signed as it should be.") from None


def _server() -> "Fido2Server":
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity

    # It tells the ids of people's passkeys otherwise.
    logging.getLogger("fido2").setLevel(logging.WARNING)
    party = PublicKeyCredentialRpEntity(name=RP_NAME, id=rp_id())
    return Fido2Server(party, AttestationConveyancePreference.NONE, verify_origin=origins().__contains__)


def _state(challenge: str) -> dict[str, str]:
    return {"challenge": encoded(challenge.encode()), "user_verification": "required"}


def _state_of(told: "AuthenticatorData") -> State:
    return State(told.counter, told.is_backup_eligible(), told.is_backed_up())


def _check_key(key: "CoseKey") -> None:
    """Check that a key is of an algorithm that was asked for, and well made."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        if _is_well_formed(key):
            key.verify(b"", b"")
    except InvalidSignature:
        # Which no empty signature is: so the key can tell.
        return
    except (*_UNREADABLE, UnsupportedAlgorithm):
        pass
    raise NotAcceptedError("Its key isn't of a kind that was asked for: ES256, EdDSA or RS256.")


def _is_well_formed(key: "CoseKey") -> bool:
    """Return whether a key has the members that its algorithm needs, of their lengths (RFC 9053, RFC 8230)."""
    kind, algorithm, first, second, third = (key.get(label) for label in (1, 3, -1, -2, -3))
    match kind, algorithm, first:
        case 2, -7, 1:
            return _is_bytes(second, _COORDINATE_BYTES) and _is_bytes(third, _COORDINATE_BYTES)
        case 1, -8, 6:
            return _is_bytes(second, _COORDINATE_BYTES)
        case 3, -257, bytes(modulus):
            return len(modulus) in _MODULUS_BYTES and second == _EXPONENT
    return False


def _is_bytes(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length
