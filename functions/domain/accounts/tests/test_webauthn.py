"""WebAuthn: whatever is sent in the place of what an authenticator makes, it is accepted or told why not."""

from dataclasses import replace
from typing import Any

import pytest
from fido2 import cbor
from fido2.utils import websafe_decode
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.accounts import webauthn
from functions.domain.accounts.webauthn import Assertion, Attestation, NotAcceptedError, State
from testing.authenticators import Authenticator

CHALLENGE = "mfa_of-a-test-that-is-long-enough"
OPTIONS: dict[str, Any] = {
    "challenge": webauthn.encoded(CHALLENGE.encode()),
    "rp": {"id": "localhost"},
    "rpId": "localhost",
    "user": {"id": webauthn.encoded(b"usr_1")},
}


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(webauthn.RP_ID_SETTING, raising=False)
    monkeypatch.delenv(webauthn.ORIGINS_SETTING, raising=False)


def attestation(authenticator: Authenticator, **wrong: Any) -> Attestation:
    made = authenticator.make(OPTIONS, **wrong)["response"]
    return Attestation(websafe_decode(made["clientDataJSON"]), websafe_decode(made["attestationObject"]))


def assertion(authenticator: Authenticator, **wrong: Any) -> Assertion:
    signed = authenticator.sign(OPTIONS, **wrong)
    response = {name: websafe_decode(value) for name, value in signed["response"].items()}
    return Assertion(
        credential_id=websafe_decode(signed["id"]),
        client_data=response["clientDataJSON"],
        authenticator_data=response["authenticatorData"],
        signature=response["signature"],
        user_handle=response["userHandle"],
    )


PHONE = Authenticator()


@pytest.fixture(scope="module")
def made() -> webauthn.Credential:
    return webauthn.registered(attestation(PHONE), CHALLENGE)


def is_verified(shown: Assertion, made: webauthn.Credential) -> bool:
    try:
        webauthn.verified(webauthn.read(shown), CHALLENGE, made.public_key)
    except NotAcceptedError:
        return False
    return True


@pytest.mark.parametrize("algorithm", webauthn.ALGORITHMS)
def test_what_is_made_verifies_what_is_signed(algorithm: int) -> None:
    phone = Authenticator(algorithm, count=0)
    made = webauthn.registered(attestation(phone), CHALLENGE)
    assert (made.id, made.state) == (phone.credential_id, State(0, backup_eligible=False, backed_up=False))
    assert is_verified(assertion(phone), made)
    assert not is_verified(assertion(Authenticator(algorithm), credential_id=phone.credential_id), made)


def test_the_page_has_to_be_of_an_origin_that_is_listed(
    monkeypatch: pytest.MonkeyPatch, made: webauthn.Credential
) -> None:
    monkeypatch.setenv(webauthn.ORIGINS_SETTING, "https://app.example.com  https://example.com")
    taken = {
        origin: is_verified(assertion(PHONE, origin=origin), made)
        for origin in (
            "https://app.example.com",
            "https://example.com",
            "https://app.example.com:444",
            "https://app.example.com.evil.example",
            "https://APP.example.com",
            "http://app.example.com",
            "https://app.example.com/",
            "https://",
            "",
        )
    }
    assert [origin for origin, is_taken in taken.items() if is_taken] == [
        "https://app.example.com",
        "https://example.com",
    ]


def test_a_passkey_of_another_domain_is_worth_nothing(
    monkeypatch: pytest.MonkeyPatch, made: webauthn.Credential
) -> None:
    monkeypatch.setenv(webauthn.RP_ID_SETTING, "example.com")
    assert not is_verified(assertion(PHONE), made)
    assert is_verified(assertion(PHONE, rp_id="example.com"), made)


@given(place=st.sampled_from(["client_data", "authenticator_data", "signature"]), data=st.data())
def test_not_a_bit_can_be_changed_since_it_was_signed(
    made: webauthn.Credential, place: str, data: st.DataObject
) -> None:
    shown = assertion(PHONE)
    value = bytearray(getattr(shown, place))
    # A signature has this many bytes, or a few less.
    position = data.draw(st.integers(0, 1000)) % len(value)
    value[position] ^= 1 << data.draw(st.integers(0, 7))
    assert is_verified(shown, made)
    assert not is_verified(replace(shown, **{place: bytes(value)}), made)


BYTES = st.binary(max_size=300) | st.recursive(
    st.integers(-(2**63), 2**63) | st.text(max_size=5) | st.binary(max_size=80) | st.booleans(),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.integers(-4, 4) | st.text(max_size=8), each, max_size=4)
    ),
).map(cbor.encode)


@given(value=BYTES, told=BYTES, with_told=st.booleans())
def test_whatever_is_sent_as_an_attestation_is_told_that_it_is_none(value: bytes, told: bytes, with_told: bool) -> None:
    sent = cbor.encode({"fmt": "none", "attStmt": {}, "authData": told}) if with_told else value
    with pytest.raises(NotAcceptedError):
        webauthn.registered(replace(attestation(PHONE), attestation_object=sent), CHALLENGE)


@given(data=st.data())
def test_whatever_becomes_of_an_attestation_on_the_way_it_is_taken_or_not(data: st.DataObject) -> None:
    good = attestation(PHONE).attestation_object
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 8)))
    sent = good[:start] + data.draw(st.binary(max_size=8)) + good[end:]
    try:
        made = webauthn.registered(replace(attestation(PHONE), attestation_object=sent), CHALLENGE)
    except NotAcceptedError:
        return
    # Nothing signs it: what may differ is the passkey alone, which then is another.
    assert made.id


@given(value=BYTES | st.text(max_size=50).map(str.encode))
def test_whatever_is_sent_as_an_assertion_is_told_that_it_is_none(made: webauthn.Credential, value: bytes) -> None:
    for place in ("client_data", "authenticator_data"):
        assert not is_verified(replace(assertion(PHONE), **{place: value}), made)
