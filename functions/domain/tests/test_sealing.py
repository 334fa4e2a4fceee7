"""Sealed values: only a master key opens them, and only as what they were sealed as."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain import sealing
from functions.domain.encryption import NotKeysError, NotSealedError, new_key
from functions.domain.instances.config_secrets import KEYS_NAME, bound_to
from functions.domain.sealing import DataKey, MasterKeys, Sealed

PLACE = bound_to("ins_1", "/key", 1)
OLD, NEW = (sealing.master_keys(KEYS_NAME, new_key()) for _ in range(2))


@given(st.binary(max_size=200))
def test_what_was_sealed_is_opened_again_and_is_nowhere_in_it(value: bytes) -> None:
    sealed = sealing.seal(OLD, value, PLACE)
    assert sealing.unseal(OLD, sealed, PLACE) == value
    assert len(value) < 4 or value not in sealed.text + sealed.data_key.wrapped
    assert str(sealed) == str(replace(sealed, text=b"", data_key=replace(sealed.data_key, wrapped=b"")))


def test_nothing_is_sealed_twice_in_the_same_way() -> None:
    first, second = (sealing.seal(OLD, b"hunter2", PLACE) for _ in range(2))
    assert first.text != second.text
    assert first.data_key.wrapped != second.data_key.wrapped


@pytest.mark.parametrize("elsewhere", [("ins_2", "/key", 1), ("ins_1", "/other", 1), ("ins_1", "/key", 2)])
def test_it_is_opened_for_no_other_instance_place_or_version(elsewhere: tuple[str, str, int]) -> None:
    sealed = sealing.seal(OLD, b"hunter2", PLACE)
    with pytest.raises(NotSealedError):
        sealing.unseal(OLD, sealed, bound_to(*elsewhere))
    with pytest.raises(NotSealedError):
        sealing.rewrap(OLD, sealed.data_key, bound_to(*elsewhere))


def test_a_value_is_not_opened_with_the_data_key_of_another() -> None:
    first, second = (sealing.seal(OLD, value, PLACE) for value in (b"first", b"second"))
    with pytest.raises(NotSealedError):
        sealing.unseal(OLD, Sealed(first.data_key, second.text), PLACE)


def cut(text: bytes) -> bytes:
    return text[:-1]


def flipped(text: bytes) -> bytes:
    return text[:-1] + bytes([text[-1] ^ 1])


@pytest.mark.parametrize("change", [cut, flipped, lambda _: b"", lambda text: text + b"x"])
def test_what_was_changed_is_opened_by_nobody(change: Callable[[bytes], bytes]) -> None:
    sealed = sealing.seal(OLD, b"hunter2 and more", PLACE)
    changed = [replace(sealed, text=change(sealed.text))]
    changed.append(replace(sealed, data_key=replace(sealed.data_key, wrapped=change(sealed.data_key.wrapped))))
    for each in changed:
        if each != sealed:
            with pytest.raises(NotSealedError):
                sealing.unseal(OLD, each, PLACE)


def test_a_master_key_that_is_gone_is_named_and_not_told() -> None:
    sealed = sealing.seal(OLD, b"hunter2", PLACE)
    with pytest.raises(NotSealedError, match=OLD[0].id):
        sealing.unseal(NEW, sealed, PLACE)
    # Another key under its id opens nothing either.
    with pytest.raises(NotSealedError):
        sealing.unseal((replace(NEW[0], id=OLD[0].id),), sealed, PLACE)
    assert OLD[0].key.hex() not in repr(OLD)


@pytest.mark.parametrize("keys", [OLD + NEW, NEW + OLD])
def test_of_several_master_keys_the_first_seals_and_any_opens(keys: MasterKeys) -> None:
    assert sealing.seal(keys, b"hunter2", PLACE).data_key.key_id == keys[0].id
    for one in (OLD, NEW):
        assert sealing.unseal(keys, sealing.seal(one, b"hunter2", PLACE), PLACE) == b"hunter2"


def test_wrapping_anew_changes_the_data_key_and_not_what_it_seals() -> None:
    sealed = sealing.seal(OLD, b"hunter2", PLACE)
    wrapped: DataKey = sealing.rewrap(NEW + OLD, sealed.data_key, PLACE)
    assert wrapped.key_id == NEW[0].id
    assert sealing.unseal(NEW, replace(sealed, data_key=wrapped), PLACE) == b"hunter2"


@pytest.mark.parametrize("text", ["", "\n", "not Base64!", b64encode(b"short").decode(), b64encode(b"x" * 33).decode()])
def test_what_is_no_master_key_is_said_without_quoting_it(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTBERI_SECRETS", str(tmp_path))
    (tmp_path / KEYS_NAME).write_text(text)
    with pytest.raises(NotKeysError, match=KEYS_NAME) as error:
        sealing.master_keys(KEYS_NAME)
    assert not text.strip() or text not in str(error.value)
