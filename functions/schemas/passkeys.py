"""What endpoints say about passkeys, and what they take: the JSON of Web Authentication, as browsers make it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from core.ids import pattern
from functions.domain.accounts import challenges, webauthn
from functions.domain.accounts.passkeys import Known
from functions.domain.accounts.webauthn import Assertion, Attestation, decoded, encoded
from functions.schemas.base import LINE, Body, Reply

_OPEN: Final = ConfigDict(extra="ignore", alias_generator=to_camel)
"""Newer browsers tell more."""

_CAMEL: Final = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)

_BASE64: Final = r"^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?$"

PasskeyId = Annotated[str, Field(pattern=pattern("psk"), examples=["psk_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]

PasskeyName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=LINE, description="Your word for it.", examples=["Ann's phone"])
]

Challenge = Annotated[str, Field(min_length=1, max_length=challenges.MAX_LENGTH, examples=["mfa_6mCHz3V6gCC7LrwPhpC4"])]

CredentialId = Annotated[
    str,
    Field(
        min_length=2,
        max_length=1364,
        pattern=_BASE64,
        description="The authenticator's own id of it, in Base64 for URLs.",
        examples=["8dVk2dYvQGKmHcMOdH3s1w"],
    ),
]

_Bytes = Annotated[
    str, Field(min_length=2, max_length=4096, pattern=_BASE64, description="Base64 for URLs.", examples=["e30"])
]


class MadeByAuthenticator(Body):
    """What an authenticator answers when a passkey is made."""

    model_config = _OPEN

    # Named by the standard: its initialism isn't what the generator makes of it.
    client_data_json: Annotated[_Bytes, Field(alias="clientDataJSON")]
    attestation_object: Annotated[
        str,
        Field(min_length=2, max_length=16384, pattern=_BASE64, description="Base64 for URLs.", examples=["oA"]),
    ]
    transports: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z-]{1,32}$", examples=["internal"])]],
        Field(max_length=10, description="How the authenticator is reached.", default_factory=list),
    ]


class NewPasskey(Body):
    """What `navigator.credentials.create` gives: its `toJSON()`. Other members are ignored."""

    model_config = _OPEN

    type: Literal["public-key"]
    response: MadeByAuthenticator

    def attestation(self) -> Attestation:
        """Return it as it is checked."""
        made = self.response
        return Attestation(decoded(made.client_data_json), decoded(made.attestation_object))


class SignedByAuthenticator(Body):
    """What an authenticator answers when a passkey has signed."""

    model_config = _OPEN

    client_data_json: Annotated[_Bytes, Field(alias="clientDataJSON")]
    authenticator_data: _Bytes
    signature: _Bytes
    user_handle: Annotated[
        str | None,
        Field(max_length=88, pattern=_BASE64, description="Whose it is, as the authenticator was told."),
    ] = None


class SignedPasskey(Body):
    """What `navigator.credentials.get` gives: its `toJSON()`. Other members are ignored."""

    model_config = _OPEN

    id: CredentialId
    type: Literal["public-key"]
    response: SignedByAuthenticator

    def assertion(self) -> Assertion:
        """Return it as it is checked."""
        signed = self.response
        return Assertion(
            credential_id=decoded(self.id),
            client_data=decoded(signed.client_data_json),
            authenticator_data=decoded(signed.authenticator_data),
            signature=decoded(signed.signature),
            user_handle=None if signed.user_handle is None else decoded(signed.user_handle),
        )


class PasskeyDescriptor(Reply):
    """A passkey that there is, for the browser."""

    type: Literal["public-key"]
    id: CredentialId
    transports: list[str]

    @classmethod
    def of(cls, known: Sequence[Known]) -> list[Self]:
        """Return passkeys as browsers are told of them."""
        return [
            cls(type="public-key", id=encoded(each.credential_id), transports=list(each.transports)) for each in known
        ]


class PasskeyRequest(Reply):
    """What is to be signed: give it to `PublicKeyCredential.parseRequestOptionsFromJSON`."""

    model_config = _CAMEL

    challenge: str
    timeout: Annotated[int, Field(description="Milliseconds.")]
    rp_id: Annotated[str, Field(examples=["example.com"])]
    allow_credentials: Annotated[
        list[PasskeyDescriptor], Field(description="Which passkeys will do; empty for any that the browser finds.")
    ]
    user_verification: Literal["required"]

    @classmethod
    def of(cls, challenge: str, known: Sequence[Known] = ()) -> Self:
        """Return what to sign for a challenge, with one of some passkeys, or with any."""
        return cls(
            challenge=encoded(challenge.encode()),
            timeout=webauthn.TIMEOUT_MILLISECONDS,
            rp_id=webauthn.rp_id(),
            allow_credentials=PasskeyDescriptor.of(known),
            user_verification="required",
        )


class RelyingParty(Reply):
    """The service."""

    id: Annotated[str, Field(examples=["example.com"])]
    name: str


class PasskeyOwner(Reply):
    """Whose the passkey will be."""

    model_config = _CAMEL

    id: str
    name: Annotated[str, Field(examples=["ann@example.com"])]
    display_name: Annotated[str, Field(examples=["ann@example.com"])]


class PasskeyAlgorithm(Reply):
    """A kind of key that is taken."""

    type: Literal["public-key"]
    alg: Annotated[int, Field(description="COSE's number of it.", examples=[-7])]


class AuthenticatorSelection(Reply):
    """What the authenticator has to be able to do."""

    model_config = _CAMEL

    resident_key: Literal["required"]
    require_resident_key: Literal[True]
    user_verification: Literal["required"]


class PasskeyCreation(Reply):
    """What is to be made: give it to `PublicKeyCredential.parseCreationOptionsFromJSON`."""

    model_config = _CAMEL

    rp: RelyingParty
    user: PasskeyOwner
    challenge: str
    pub_key_cred_params: list[PasskeyAlgorithm]
    timeout: Annotated[int, Field(description="Milliseconds.")]
    exclude_credentials: Annotated[
        list[PasskeyDescriptor], Field(description="Those that there are: their authenticators make no second one.")
    ]
    authenticator_selection: AuthenticatorSelection
    attestation: Literal["none"]

    @classmethod
    def of(cls, challenge: str, account_id: str, email: str, known: Sequence[Known]) -> Self:
        """Return what to make for an account that has some passkeys already."""
        return cls(
            rp=RelyingParty(id=webauthn.rp_id(), name=webauthn.RP_NAME),
            user=PasskeyOwner(id=encoded(account_id.encode()), name=email, display_name=email),
            challenge=encoded(challenge.encode()),
            pub_key_cred_params=[PasskeyAlgorithm(type="public-key", alg=each) for each in webauthn.ALGORITHMS],
            timeout=webauthn.TIMEOUT_MILLISECONDS,
            exclude_credentials=PasskeyDescriptor.of(known),
            authenticator_selection=AuthenticatorSelection(
                resident_key="required", require_resident_key=True, user_verification="required"
            ),
            attestation="none",
        )


class Passkey(Reply):
    """A passkey of the caller's."""

    id: PasskeyId
    name: PasskeyName
    created_at: datetime
    last_used_at: Annotated[datetime | None, Field(description="Null if it never was.")]
    backup_eligible: Annotated[
        bool, Field(description="Whether its owner's other devices may get it, by their cloud say.")
    ]
    backed_up: Annotated[bool, Field(description="Whether it is kept elsewhere too, as it said last.")]
