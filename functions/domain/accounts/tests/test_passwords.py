import unicodedata
from collections.abc import Iterator
from threading import BoundedSemaphore

import pytest
from argon2 import PasswordHasher, extract_parameters

from functions.domain.accounts import passwords


def error_codes(password: str, email: str = "ann@example.com") -> list[str]:
    with pytest.raises(passwords.PasswordUnfit) as refused:
        passwords.check(password, email)
    return [error.code for error in refused.value.errors]


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 1025])
def test_too_short_and_too_long_is_refused_by_its_length(password: str) -> None:
    assert error_codes(password) == ["password_length"]


@pytest.mark.parametrize("password", ["ann@example.com", "ANN@Example.COM"])
def test_the_account_s_own_address_is_refused(password: str) -> None:
    assert error_codes(password) == ["password_is_email"]


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "PASSWORD1234",
        "123456789012",
        "aaaaaaaaaaaa",
        " " * 12,
        "botberi-botberi",
        "Botberi2026!",
        "Administrator-1",
        "\N{FULLWIDTH LATIN SMALL LETTER P}assword1234",
    ],
)
def test_what_others_try_first_is_refused(password: str) -> None:
    assert error_codes(password) == ["password_common"]


@pytest.mark.parametrize(
    "password",
    [
        *("twelve chars", "botberi, a stable horse", "x7" + "y" * 1022),
        *("ann@example.com!", "пароль из слов", "🔑" * 8 + "door"),
    ],
)
def test_anything_else_is_accepted(password: str) -> None:
    passwords.check(password, "ann@example.com")


def test_a_hash_matches_its_password_and_no_other() -> None:
    kept = passwords.hashed("correct horse battery")
    assert passwords.matches("correct horse battery", kept)
    assert not passwords.matches("Correct horse battery", kept)


def test_two_hashes_of_one_password_differ() -> None:
    assert passwords.hashed("correct horse battery") != passwords.hashed("correct horse battery")


def test_the_same_letters_composed_otherwise_are_the_same_password() -> None:
    kept = passwords.hashed(unicodedata.normalize("NFC", "crème brûlée à volonté"))
    assert passwords.matches(unicodedata.normalize("NFD", "crème brûlée à volonté"), kept)


def test_where_there_is_no_account_a_hash_of_the_same_cost_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    verify = PasswordHasher.verify

    def seen(hasher: PasswordHasher, kept: str, password: str) -> bool:
        verified.append(kept)
        return bool(verify(hasher, kept, password))

    monkeypatch.setattr(PasswordHasher, "verify", seen)
    assert not passwords.matches("correct horse battery", None)
    [kept] = verified
    assert extract_parameters(kept) == extract_parameters(passwords.hashed("correct horse battery"))


@pytest.fixture
def as_deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash with the parameters that hold unless a setting says otherwise."""
    monkeypatch.delenv(passwords.SETTING, raising=False)
    passwords.forget_parameters()
    yield
    passwords.forget_parameters()


@pytest.mark.usefixtures("as_deployed")
def test_hashes_are_argon2id_of_at_least_the_cost_that_owasp_asks_for() -> None:
    cost = extract_parameters(passwords.hashed("correct horse battery"))
    assert passwords.hashed("correct horse battery").startswith("$argon2id$")
    assert (cost.memory_cost, cost.time_cost, cost.parallelism) >= (19456, 2, 1)
    assert PasswordHasher().verify(passwords.hashed("correct horse battery"), "correct horse battery")


@pytest.mark.usefixtures("as_deployed")
def test_a_hash_of_other_parameters_is_outdated() -> None:
    assert passwords.is_outdated(
        PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse battery")
    )
    assert not passwords.is_outdated(passwords.hashed("correct horse battery"))


def test_more_hashes_at_a_time_than_there_is_memory_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_SLOTS", BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "_SLOT_SECONDS", 0.01)
    with passwords._slot(), pytest.raises(passwords.TooManyPasswords):
        passwords.hashed("correct horse battery")
    assert passwords.hashed("correct horse battery")
