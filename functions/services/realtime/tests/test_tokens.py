"""Tokens that are no good, or no longer."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.configuration import secret
from functions.domain.accounts import keys
from functions.runtime.providers.callers import LEEWAY_SECONDS
from functions.services.realtime.tests.conftest import Gateway
from functions.services.realtime.tests.tabs import signed, token
from testing.environment import Environment


def test_a_token_that_expires_ends_the_connection(gateway: Gateway) -> None:
    # Clocks may differ by five seconds: three of them are over.
    with gateway.tab(signed({"exp": int(time.time()) - 3})) as tab:
        assert tab.ready["account_id"] == "usr_ada"
        assert tab.end() == (4401, "token_expired")


def test_a_new_token_in_time_keeps_it(gateway: Gateway, eventually: Callable[..., Any]) -> None:
    expires_at = int(time.time()) - 2
    with gateway.tab(signed({"exp": expires_at})) as tab:
        assert tab.authenticate(token())["expires_at"] > tab.ready["expires_at"]
        eventually(lambda: time.time() > expires_at + LEEWAY_SECONDS + 1)
        assert tab.event(gateway.happen())


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - 3600}, "token_expired"),
        ({"aud": "somebody-else"}, "unauthenticated"),
        ({"iss": "somebody-else"}, "unauthenticated"),
        ({"sub": None}, "unauthenticated"),
    ],
)
def test_a_token_that_is_not_for_here_opens_nothing(gateway: Gateway, claims: dict[str, object], reason: str) -> None:
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": signed(claims)}})
        assert tab.end() == (4401, reason)


def test_a_token_that_somebody_else_signed_opens_nothing(gateway: Gateway) -> None:
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": signed({}, Ed25519PrivateKey.generate())}})
        assert tab.end() == (4401, "unauthenticated")


def test_a_key_that_is_removed_ends_the_connections_of_its_tokens_and_no_others(
    gateway: Gateway, env: Environment, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(env.secrets, tmp_path / "secrets"))
    second = json.loads(secret(keys.PRIVATE))["keys"][1]
    of_second = signed({}, jwt.PyJWK(second).key, second["kid"])
    gateway.process.stop()
    gateway.start(BOTBERI_SECRETS=str(folder))
    with gateway.tab(signed({})) as kept, gateway.tab(of_second) as removed:
        (folder / "draft").write_text(json.dumps({"keys": keys.public_keys()[:1]}))
        (folder / "draft").replace(folder / keys.PUBLIC)
        assert removed.end() == (4401, "unauthenticated")
        assert kept.event(gateway.happen())
    gateway.process.stop()
    gateway.start()
