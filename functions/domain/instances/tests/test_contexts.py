"""Sealed contexts: only who has a key makes one, and it is good for one kind of call and one instance, for a while."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from core.ids import new_id
from functions.domain.encryption import NotKeysError, NotSealedError, new_key
from functions.domain.instances import contexts
from functions.domain.instances.contexts import Answer, Context, Kind, Message, seal, unseal

CONTEXT: Final = Context(
    instance_id=new_id("ins"),
    owner_id=new_id("usr"),
    row_version=3,
    generation=2,
    version_id=new_id("ver"),
    digest="ab" * 32,
    config={"key": "hunter2"},
    secret_places=("/key",),
    message=Message(id="msg", text="Hello"),
)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bytes, ...]]:
    """`keys(2)` puts two new keys in force, and `keys(kept)` those; it returns them."""
    monkeypatch.setenv("BOTBERI_SECRETS", str(tmp_path))

    def put(wanted: int | str) -> tuple[bytes, ...]:
        text = wanted if isinstance(wanted, str) else "\n".join(new_key() for _ in range(wanted))
        (tmp_path / contexts.KEYS_NAME).write_text(text)
        return contexts.keys()

    return put


def test_what_was_sealed_is_opened_and_its_secrets_show_nowhere(keys: Callable[..., tuple[bytes, ...]]) -> None:
    for key in keys(2):
        sealed = seal(Kind.CALL, CONTEXT, key)
        assert b"hunter2" not in sealed
        opened = unseal(Context, Kind.CALL, CONTEXT.instance_id, sealed)
        assert opened.model_copy(update={"expires_at": 0}) == CONTEXT
        assert "hunter2" not in repr(opened)
        assert "Hello" not in repr(opened)


def test_it_is_good_for_no_other_call_and_no_other_instance(keys: Callable[..., tuple[bytes, ...]]) -> None:
    sealed = seal(Kind.CALL, CONTEXT, keys(1)[0])
    for kind, instance_id in ((Kind.END, CONTEXT.instance_id), (Kind.CALL, new_id("ins"))):
        with pytest.raises(NotSealedError):
            unseal(Context, kind, instance_id, sealed)


def test_a_key_that_was_taken_away_opens_nothing(keys: Callable[..., tuple[bytes, ...]]) -> None:
    sealed = seal(Kind.CALL, CONTEXT, keys(1)[0])
    keys(1)
    with pytest.raises(NotSealedError):
        unseal(Context, Kind.CALL, CONTEXT.instance_id, sealed)


@pytest.mark.parametrize(
    "change", [lambda sealed: sealed[:0], lambda sealed: sealed[:-1], lambda sealed: sealed[:-1] + b"x"]
)
def test_what_was_tampered_with_is_refused(
    keys: Callable[..., tuple[bytes, ...]], change: Callable[[bytes], bytes]
) -> None:
    sealed = seal(Kind.CALL, CONTEXT, keys(1)[0])
    with pytest.raises(NotSealedError):
        unseal(Context, Kind.CALL, CONTEXT.instance_id, change(sealed))


def test_it_expires(keys: Callable[..., tuple[bytes, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "LIFETIME", -CONTEXT.seconds - 1)
    sealed = seal(Kind.CALL, CONTEXT, keys(1)[0])
    with pytest.raises(NotSealedError):
        unseal(Context, Kind.CALL, CONTEXT.instance_id, sealed)


@pytest.mark.parametrize("text", ["", "not Base64!", "c2hvcnQ="])
def test_what_is_no_key_is_said_without_quoting_it(keys: Callable[..., tuple[bytes, ...]], text: str) -> None:
    with pytest.raises(NotKeysError) as error:
        keys(text)
    assert not text or text not in str(error.value)


def test_an_agent_is_asked_without_what_is_absent_and_never_sees_the_token_alone() -> None:
    assert Message(id="msg_1", text="Hello", memory_token="t").asked() == {"id": "msg_1", "text": "Hello"}
    asked = Message(id="msg_1", text="Hello", run="run_1", answer=Answer(id="a", value=None), memory_token="t")
    assert asked.asked("http://127.0.0.1:1/memory") == {
        "id": "msg_1",
        "text": "Hello",
        "run": "run_1",
        "attempt": 1,
        "answer": {"id": "a", "value": None},
        "memory": {"url": "http://127.0.0.1:1/memory", "token": "t"},
    }
