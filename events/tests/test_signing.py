"""Deliveries are signed as Standard Webhooks has it, for one function, by keys that are exchanged without loss."""

import os
import shutil
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.configuration import MissingSettingError
from events import signing
from events.signing import PREFIX, Keys, NotKeysError, NotSignedError, message_id, new_key, read_keys, verify
from provisioning.secrets import add_key, drop_key
from tools.harness.path import EventPath

BODY = b'{"specversion": "1.0"}'
MESSAGE = message_id("record-audit", "/botberi/shared_psql", "evt_1")


def keys(*texts: str) -> tuple[bytes, ...]:
    return read_keys("\n".join(texts))


OLD, NEW, OTHER = (PREFIX + b64encode(bytes([number]) * 32).decode() for number in range(3))


def sent(*texts: str, **changes: str) -> dict[str, str]:
    return signing.headers(keys(*texts), MESSAGE, BODY) | {
        name.replace("_", "-"): each for name, each in changes.items()
    }


def test_it_is_the_signature_of_a_published_example() -> None:
    payload = b'{"event_type":"ping","data":{"success":true}}'
    key = b64decode("plJ3nmyCDGBKInavdOK15jsl")
    signed = signing.signatures((key,), "msg_loFOjxBNrRLzqYUf", 1731705121, payload)
    assert signed == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_what_is_signed_for_a_function_is_taken_by_it_and_by_no_other() -> None:
    verify(keys(OLD), "record-audit", sent(OLD), BODY)
    with pytest.raises(NotSignedError, match="another function"):
        verify(keys(OLD), "converge-instance", sent(OLD), BODY)


@pytest.mark.parametrize(
    ("sender", "receiver"),
    [((OLD,), (OLD,)), ((OLD,), (OLD, NEW)), ((OLD, NEW), (OLD,)), ((OLD, NEW), (NEW,)), ((NEW,), (OLD, NEW))],
)
def test_whoever_has_read_the_next_step_first_nothing_is_refused(
    sender: tuple[str, ...], receiver: tuple[str, ...]
) -> None:
    verify(keys(*receiver), "record-audit", sent(*sender), BODY)


FORGED: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "another key": lambda _: sent(OTHER),
    "no headers": lambda _: {},
    "no id": lambda _: {"webhook-id": ""},
    "no time": lambda _: {"webhook-timestamp": ""},
    "no signature": lambda _: {"webhook-signature": ""},
    "another id": lambda _: {"webhook-id": MESSAGE.replace("record-audit", "converge-instance")},
    "another time": lambda good: {"webhook-timestamp": str(int(good["webhook-timestamp"]) - 1)},
    "no number": lambda _: {"webhook-timestamp": "now"},
    "a huge number": lambda _: {"webhook-timestamp": "9" * 5000},
    "other digits": lambda _: {"webhook-timestamp": "\N{ARABIC-INDIC DIGIT ONE}"},
    "another version": lambda good: {"webhook-signature": good["webhook-signature"].replace("v1,", "v1a,")},
    "no version": lambda good: {"webhook-signature": good["webhook-signature"].removeprefix("v1,")},
    "what is no text": lambda _: {"webhook-signature": "v1,\xff"},
    "one of very many": lambda good: {"webhook-signature": "v1,x " * 1000 + good["webhook-signature"]},
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_what_is_not_signed_by_a_key_is_refused(forge: Callable[[dict[str, str]], dict[str, str]]) -> None:
    good = sent(OLD)
    forged = forge(good)
    with pytest.raises(NotSignedError):
        verify(keys(OLD, NEW), "record-audit", good | forged if forged else {}, BODY)


def test_another_body_is_refused() -> None:
    with pytest.raises(NotSignedError, match="no signature fits"):
        verify(keys(OLD), "record-audit", sent(OLD), BODY + b" ")


@pytest.mark.parametrize("away", [-signing.TOLERANCE - 30, signing.TOLERANCE + 30])
def test_what_was_signed_long_ago_or_is_to_come_is_refused(away: int) -> None:
    then = int(time.time()) + away
    signed = signing.signatures(keys(OLD), MESSAGE, then, BODY)
    with pytest.raises(NotSignedError, match="clock"):
        verify(keys(OLD), "record-audit", sent(OLD, webhook_timestamp=str(then), webhook_signature=signed), BODY)


@pytest.mark.parametrize("text", ["", "\n", "whsec_", "whsec_dG9vIHNob3J0", "no base64!", f"{OLD}\nwhsec_dG9v"])
def test_a_secret_without_good_keys_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(NotKeysError) as refused:
        read_keys(text)
    assert not text.strip() or text.strip() not in str(refused.value)


def test_the_file_is_read_again_and_while_it_is_broken_the_old_keys_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTBERI_SECRETS", str(tmp_path))
    monkeypatch.setattr(signing, "REREAD", 0)
    read = Keys()
    with pytest.raises(MissingSettingError, match=signing.KEYS_NAME):
        read.current()
    file = tmp_path / signing.KEYS_NAME
    for text, expected in ((OLD, (OLD,)), (f"{OLD}\n{NEW}\n", (OLD, NEW)), ("broken", (OLD, NEW)), (NEW, (NEW,))):
        file.write_text(text)
        assert read.current() == keys(*expected)


def test_a_new_key_is_one_and_no_two_are_the_same() -> None:
    assert len(read_keys(f"{new_key()}\n{new_key()}")[0]) == 32
    assert new_key() != new_key()


def test_attempts_at_one_event_have_one_id_and_others_another() -> None:
    assert message_id("a", "/s", "1") == message_id("a", "/s", "1")
    ids = {message_id(*each) for each in (("a", "/s", "1"), ("b", "/s", "1"), ("a", "/s1", ""), ("a", "/s", "2"))}
    assert len(ids) == 4
    assert all(each.isascii() and each.isprintable() for each in (*ids, message_id("a", "\r\n", "\udcff")))


def test_under_load_keys_are_exchanged_without_a_refusal_or_a_loss(
    quiet_path: EventPath, eventually: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(os.environ["BOTBERI_SECRETS"], secrets)
    monkeypatch.setenv("BOTBERI_SECRETS", str(secrets))
    recorder, emitted = quiet_path.recorder, list[str]()
    recorder.keys = Keys()
    quiet_path.start("relay", BOTBERI_SECRETS=str(secrets))
    quiet_path.start("dispatcher", BOTBERI_SECRETS=str(secrets))

    def signed_by(count: int) -> bool:
        emitted.extend(quiet_path.emit("agt_load"))
        # What comes is signed as the dispatcher read the file last; the recorder reads it at a time of its own.
        return bool(recorder.headers) and recorder.headers[-1]["webhook-signature"].count("v1,") == count

    eventually(lambda: signed_by(1))
    add_key(secrets / signing.KEYS_NAME)
    eventually(lambda: signed_by(2))
    eventually(lambda: len(recorder.keys.current()) == 2)
    drop_key(secrets / signing.KEYS_NAME)
    eventually(lambda: signed_by(1))
    eventually(lambda: recorder.received("receive-some", emitted) == emitted)
    assert recorder.refused == 0
