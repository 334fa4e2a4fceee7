from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from functions.domain.accounts.refresh_tokens import MAX_STEPS, RefreshToken, RefreshTokenInvalid, new_chain_key


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32))
def test_a_token_reads_as_it_was_written(session: bytes, counter: int, secret: bytes) -> None:
    token = RefreshToken(f"ses_{session.hex()}", counter, secret)
    assert RefreshToken.read(str(token)) == token


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        RefreshToken.read(text)


def test_a_token_without_its_end_is_refused() -> None:
    token = str(RefreshToken.first(new_id("ses")))
    for end in range(len(token)):
        with pytest.raises(RefreshTokenInvalid):
            RefreshToken.read(token[:end])


def test_a_token_has_one_form() -> None:
    token = str(RefreshToken("ses_" + "0" * 32, 0, bytes(32)))
    for other in (token.removeprefix("rt_"), f"rt_{token}", f"{token}=", f"{token[:-1]}B", f" {token}", f"{token}\n"):
        with pytest.raises(RefreshTokenInvalid):
            RefreshToken.read(other)


def test_every_earlier_token_leads_to_the_newest() -> None:
    key, first = new_chain_key(), RefreshToken.first(new_id("ses"))
    newest = first.later(key, 5)
    for steps in range(6):
        assert first.later(key, steps).leads_to(newest.secret_hash, newest.counter, key) == newest


def test_a_raised_counter_does_not_turn_an_old_token_into_a_new_one() -> None:
    key, first = new_chain_key(), RefreshToken.first(new_id("ses"))
    newest = first.later(key, 2)
    assert replace(first, counter=newest.counter).leads_to(newest.secret_hash, newest.counter, key) is None


def test_without_the_session_s_key_nobody_can_make_the_next_token() -> None:
    key, first = new_chain_key(), RefreshToken.first(new_id("ses"))
    newest = first.later(key)
    assert first.later(new_chain_key()).leads_to(newest.secret_hash, newest.counter, key) is None


@pytest.mark.parametrize("counter", [1, 2**32 - 1])
def test_a_counter_that_was_never_reached_leads_nowhere(counter: int) -> None:
    key, first = new_chain_key(), RefreshToken.first(new_id("ses"))
    assert replace(first, counter=counter).leads_to(first.secret_hash, 0, key) is None


def test_the_way_to_the_newest_token_is_bounded() -> None:
    first = RefreshToken.first(new_id("ses"))
    assert first.leads_to(first.secret_hash, MAX_STEPS + 1, new_chain_key()) is None
