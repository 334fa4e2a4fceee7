"""One-time passwords by the time, as RFC 6238 has them."""

from base64 import b32encode
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.accounts import totp
from functions.domain.accounts.totp import STEP_SECONDS, FactorsUnavailable
from functions.domain.encryption import new_key
from testing.environment import Environment

SECRET = b32encode(b"12345678901234567890").decode()
"""The one of the RFC's vectors."""


def code(step: int) -> str:
    return pyotp.TOTP(SECRET).generate_otp(step)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(at: int, expected: str) -> None:
    assert totp.step_of(SECRET, expected, at=at, after=-1) == at // STEP_SECONDS


@given(st.floats(STEP_SECONDS, 2**33), st.integers(-5, 5), st.integers(-6, 6))
def test_a_code_is_good_around_its_step_and_after_the_newest_that_was_used(at: float, shown: int, used: int) -> None:
    now = int(at // STEP_SECONDS)
    text = code(max(0, now + shown))
    good = [step for step in (now - 1, now, now + 1) if step >= 0 and step > now + used and code(step) == text]
    assert totp.step_of(SECRET, text, at=at, after=now + used) == (good[0] if good else None)


@pytest.mark.parametrize("text", ["", "28708", "2870820", "\uff12\uff18\uff17\uff10\uff18\uff12", "x" * 100])
def test_what_is_no_code_is_of_no_step(text: str) -> None:
    assert totp.step_of(SECRET, text, at=59, after=-1) is None


def test_an_app_is_told_all_that_it_needs() -> None:
    told = urlsplit(totp.uri(SECRET, "ann+bots@example.com"))
    assert (told.scheme, told.netloc, unquote(told.path)) == ("otpauth", "totp", "/Botberi:ann+bots@example.com")
    assert parse_qs(told.query) == {"secret": [SECRET], "issuer": ["Botberi"]}


def test_a_secret_is_long_and_another_each_time() -> None:
    secrets = {totp.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {32}


def test_the_image_is_svg_and_names_nobody_in_its_text() -> None:
    image = totp.qr_code(totp.uri(SECRET, "ann@example.com"))
    assert (image.startswith("<svg"), image.rstrip().endswith("</svg>"), "script" in image) == (True, True, False)
    assert SECRET not in image


def test_a_secret_opens_for_its_account_and_no_other(env: Environment) -> None:
    sealed = totp.seal("usr_1", SECRET)
    parts = sealed.data_key.key_id, sealed.data_key.wrapped, sealed.text
    assert totp.unseal("usr_1", *parts) == SECRET
    assert SECRET.encode() not in sealed.text
    with pytest.raises(FactorsUnavailable):
        totp.unseal("usr_2", *parts)


@pytest.mark.parametrize("text", ["", "no key", "another"])
def test_without_the_keys_operators_are_told_what_to_do(env: Environment, own_secrets: Path, text: str) -> None:
    sealed = totp.seal("usr_1", SECRET)
    (own_secrets / totp.KEYS_NAME).write_text(new_key() if text == "another" else text)
    with pytest.raises(FactorsUnavailable) as refused:
        totp.unseal("usr_1", sealed.data_key.key_id, sealed.data_key.wrapped, sealed.text)
    assert totp.KEYS_NAME in str(refused.value.__cause__)
    assert totp.KEYS_NAME not in str(refused.value)
