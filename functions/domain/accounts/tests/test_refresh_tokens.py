from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from functions.domain.accounts.refresh_tokens import RefreshToken, RefreshTokenInvalid, new_key


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=32, max_size=32),
)
def test_a_token_reads_as_it_was_written(session: bytes, counter: int, secret: bytes, proof: bytes) -> None:
    token = RefreshToken(f"ses_{session.hex()}", counter, secret, proof)
    assert RefreshToken.read(str(token)) == token


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        RefreshToken.read(text)


def test_a_session_s_key_is_long_and_another_each_time() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(bytes.fromhex(key)) * 8 for key in keys} == {256}


def test_a_token_without_its_end_is_refused() -> None:
    token = str(RefreshToken.first(new_id("ses"), new_key()))
    for end in range(len(token)):
        with pytest.raises(RefreshTokenInvalid):
            RefreshToken.read(token[:end])


def test_a_token_has_one_form() -> None:
    token = str(RefreshToken("ses_" + "0" * 32, 0, bytes(16), bytes(32)))
    for other in (token.removeprefix("rt_"), f"rt_{token}", f"{token}=", f"{token[:-1]}B", f" {token}", f"{token}\n"):
        with pytest.raises(RefreshTokenInvalid):
            RefreshToken.read(other)


def test_every_earlier_token_leads_to_the_newest() -> None:
    key = new_key()
    first = RefreshToken.first(new_id("ses"), key)
    newest = first.at(5, key)
    for counter in range(6):
        earlier = first.at(counter, key)
        assert earlier.was_given_out(newest.secret_hash, newest.counter, key)
        assert earlier.at(5, key) == newest


def test_a_raised_counter_does_not_turn_an_old_token_into_a_new_one() -> None:
    key = new_key()
    first = RefreshToken.first(new_id("ses"), key)
    assert not replace(first, counter=2).was_given_out(first.secret_hash, 2, key)


def test_without_the_session_s_key_nobody_can_make_the_next_token() -> None:
    key = new_key()
    first = RefreshToken.first(new_id("ses"), key)
    assert not first.at(1, new_key()).was_given_out(first.secret_hash, 1, key)


def test_with_what_the_database_holds_nobody_can_make_a_token() -> None:
    key = new_key()
    kept = RefreshToken.first(new_id("ses"), key)
    assert not RefreshToken.first(kept.session_id, key).was_given_out(kept.secret_hash, 0, key)


@pytest.mark.parametrize("counter", [1, 2**32 - 1])
def test_a_counter_that_was_never_reached_leads_nowhere(counter: int) -> None:
    key = new_key()
    first = RefreshToken.first(new_id("ses"), key)
    assert not replace(first, counter=counter).was_given_out(first.secret_hash, 0, key)
    assert not first.at(counter, key).was_given_out(first.secret_hash, 0, key)
