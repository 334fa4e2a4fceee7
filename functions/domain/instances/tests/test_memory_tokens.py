"""Memory tokens: whose memory they are for, and when they are none."""

import pytest

from core.configuration import secret
from core.ids import new_id
from functions.domain import encryption
from functions.domain.instances import memory_tokens
from functions.domain.instances.memory_tokens import KEYS_NAME, LIFETIME, Bearer, MemoryTokenInvalid
from testing.instances import ReplaceSecret

INSTANCE, RUN = new_id("ins"), new_id("run")

pytestmark = pytest.mark.usefixtures("env")


def test_a_token_says_whose_memory_it_is_for_until_it_expires() -> None:
    assert memory_tokens.check(memory_tokens.make(INSTANCE, RUN, 10)) == Bearer(INSTANCE, RUN)
    with pytest.raises(MemoryTokenInvalid):
        memory_tokens.check(memory_tokens.make(INSTANCE, RUN, -LIFETIME - 2))


@pytest.mark.parametrize("token", ["", ".", "...", "a.b.c.d", "a.b.9999999999.", "é.b.9999999999.ü"])
def test_what_nobody_signed_is_none(token: str) -> None:
    with pytest.raises(MemoryTokenInvalid):
        memory_tokens.check(token)


def test_a_token_for_one_instance_is_none_for_another() -> None:
    token = memory_tokens.make(INSTANCE, RUN, 10)
    with pytest.raises(MemoryTokenInvalid):
        memory_tokens.check(token.replace(INSTANCE, new_id("ins")))


def test_keys_are_exchanged_without_loss(replace_secret: ReplaceSecret) -> None:
    token = memory_tokens.make(INSTANCE, RUN, 10)
    older, newer = secret(KEYS_NAME), encryption.new_key()
    for text in (f"{older}\n{newer}", f"{newer}\n{older}"):
        replace_secret(KEYS_NAME, text)
        assert memory_tokens.check(token).instance_id == INSTANCE
    replace_secret(KEYS_NAME, newer)
    with pytest.raises(MemoryTokenInvalid):
        memory_tokens.check(token)
