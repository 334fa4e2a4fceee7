"""The text of API keys: told from everything else, and from a mistyped one, by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.accounts import api_key_text
from functions.domain.accounts.api_key_text import ALPHABET

KEY = api_key_text.new("test")


def test_keys_of_other_programs_for_the_same_text_have_the_same_checksum() -> None:
    # As `zlib.crc32`, `crc32` of gzip and every scanner for leaks has it, in digits of base 62.
    value = 0
    for digit in api_key_text.checksum("123456789"):
        value = value * 62 + ALPHABET.index(digit)
    assert value == 0xCBF43926


def test_a_new_key_is_well_formed_and_unlike_the_one_before() -> None:
    keys = [api_key_text.new("live") for _ in range(100)]
    assert all(map(api_key_text.is_well_formed, keys))
    assert len({key.removeprefix("bbk_live_")[:20] for key in keys}) == 100
    assert {len(key) for key in keys} == {len("bbk_live_") + 22 + 6}


@given(st.integers(0, len(KEY) - 1), st.sampled_from(ALPHABET + "_-. \n"))
def test_no_key_with_a_mistyped_character_is_well_formed(place: int, character: str) -> None:
    typed = KEY[:place] + character + KEY[place + 1 :]
    assert api_key_text.is_well_formed(typed) == (typed == KEY)


@given(st.integers(0, len(KEY) - 2))
def test_nor_one_in_which_two_have_changed_places(place: int) -> None:
    typed = KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :]
    assert api_key_text.is_well_formed(typed) == (typed == KEY)


@pytest.mark.parametrize(
    "token",
    [
        *("", "bbk_", "bbk_test_", KEY + "\n", f" {KEY}", KEY[:-1], KEY + "0", KEY.upper(), KEY.replace("test", "")),
        *(KEY[:9] + "\N{ARABIC-INDIC DIGIT ONE}" * 28, KEY + "\x00", "bbk_" + "t" * 10**6, "x" * 10**6),
    ],
    ids=lambda token: f"{len(token)} characters",
)
def test_what_has_another_form_is_no_key(token: str) -> None:
    assert not api_key_text.is_well_formed(token)


@pytest.mark.parametrize("environment", ["", "Live", "a_b", "x" * 17, "lïve"])
def test_an_installation_is_named_by_a_short_word(environment: str) -> None:
    with pytest.raises(ValueError, match="environment of API keys"):
        api_key_text.new(environment)
