import json

import pytest

from functions.domain.api_errors import Forbidden
from functions.runtime.providers.callers import SessionRevoked
from functions.services.realtime import protocol
from functions.services.realtime.credentials import SessionsUnknown
from functions.services.realtime.protocol import Authenticate, CloseCode, CloseError, Heartbeat, Subscribe

SECRET = "eyJhbGciOiJFZERTQSJ9.e30.signature"


def test_the_two_messages_of_a_client_are_read() -> None:
    assert protocol.decode(json.dumps({"authenticate": {"token": SECRET}})) == Authenticate(token=SECRET)
    assert protocol.decode('{"subscribe": {"subjects": ["ins_1"]}}') == Subscribe(subjects=["ins_1"])
    assert protocol.decode('{"subscribe": {}}') == Subscribe()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed"),
        ("\ud800".encode("utf-16", "surrogatepass").decode("latin-1"), "malformed"),
        ("[" * 10_000, "malformed"),
        ("null", "malformed"),
        ("{}", "malformed"),
        ('{"authenticate": null}', "malformed"),
        ('{"authenticate": {"token": "x"}, "subscribe": {}}', "malformed"),
        ('{"authenticate": {"token": 7}}', "malformed: authenticate.token"),
        ('{"authenticate": {"token": ""}}', "malformed: authenticate.token"),
        ('{"authenticate": {"token": "x", "after": "7"}}', "malformed: authenticate.after"),
        ('{"authenticate": {"token": "x", "after": -1}}', "malformed: authenticate.after"),
        ('{"subscribe": {"after": 9223372036854775808}}', "malformed: subscribe.after"),
        ('{"subscribe": {"all": "yes"}}', "malformed: subscribe.all"),
        ('{"subscribe": {"types": ["x", 7]}}', "malformed: subscribe.types.1"),
        (json.dumps({"subscribe": {"subjects": ["x"] * 201}}), "malformed: subscribe.subjects"),
        ('{"unsubscribe": {}}', "malformed: unsubscribe"),
    ],
)
def test_whatever_else_comes_is_malformed_and_the_reason_says_where(text: str, reason: str) -> None:
    with pytest.raises(CloseError) as close_error:
        protocol.decode(text)
    assert (close_error.value.code, close_error.value.reason) == (CloseCode.MALFORMED, reason)


@pytest.mark.parametrize("text", [f'{{"authenticate": {{"tokens": "{SECRET}"}}}}', f'{{"{SECRET}": {{}}}}'])
def test_no_reason_is_longer_than_a_close_frame_takes(text: str) -> None:
    with pytest.raises(CloseError) as close_error:
        protocol.decode(text.replace("signature", "signature" * 100))
    assert len(close_error.value.reason.encode()) <= 123


def test_a_token_shows_nowhere_when_a_message_is_printed_or_refused() -> None:
    assert SECRET not in repr(Authenticate(token=SECRET))
    with pytest.raises(CloseError) as close_error:
        protocol.decode(json.dumps({"authenticate": {"token": SECRET, "after": ""}}))
    assert SECRET not in repr(close_error.value) + str(close_error.value.__context__)


def test_a_binary_message_is_refused() -> None:
    with pytest.raises(CloseError, match="1003 binary"):
        protocol.decode(b"{}")


def test_a_notice_has_its_name_as_its_only_key() -> None:
    assert protocol.encode(Heartbeat(live=True, sequence=7)) == b'{"heartbeat":{"live":true,"sequence":7}}'


def test_refusals_keep_their_codes() -> None:
    assert str(CloseError.of(SessionRevoked())) == "4401 session_revoked"
    assert str(CloseError.of(Forbidden())) == "4403 forbidden"
    assert str(CloseError.of(SessionsUnknown())) == "1013 sessions_unknown"
