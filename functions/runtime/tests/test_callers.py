import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.configuration import secret
from functions.domain.accounts import access_tokens, keys
from functions.tests.alone import without_memory
from testing.clients import Api
from testing.people import Person

Forge = Callable[..., str]


@pytest.fixture
def forge(person: Callable[..., Person]) -> Forge:
    """Make a token like that of somebody who is logged in, but for some claims, the key or the header."""
    genuine = jwt.decode(person().token, options={"verify_signature": False})

    def forged(
        key: Any = None,
        algorithm: str = "EdDSA",
        headers: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        kid, signing = keys.signing_key()
        claims = {name: value for name, value in (genuine | changes).items() if value is not None}
        sent = {"kid": kid, "typ": access_tokens.TYPE} | (headers or {})
        if sent["kid"] is None:
            del sent["kid"]
        return jwt.encode(claims, key or signing, algorithm, headers=sent)

    return forged


def code(api: Api, token: str) -> str:
    answer = api.user.get("/v1/me", token=token)
    return str(answer.json.get("code", answer.status_code))


def test_an_unchanged_token_passes(api: Api, forge: Forge) -> None:
    assert code(api, forge()) == "200"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody-else"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"sub": 5},
        {"sid": None},
        {"scope": None},
        {"exp": int(time.time()) + 86_400},
        {"iat": int(time.time()) - 86_400},
    ],
)
def test_a_token_with_other_claims_is_refused(api: Api, forge: Forge, claims: dict[str, Any]) -> None:
    assert code(api, forge(**claims)) == "unauthenticated"


def test_an_expired_token_is_told_so(api: Api, forge: Forge) -> None:
    assert code(api, forge(exp=int(time.time()) - 60)) == "token_expired"


@pytest.mark.parametrize(("token", "error"), [(None, False), ("x", True), ("botberi_pk_x", True)])
def test_whose_token_is_not_taken_is_told_so_in_the_words_of_oauth(api: Api, token: str | None, error: bool) -> None:
    told = api.user.get("/v1/me", token=token).headers["WWW-Authenticate"]
    assert told == 'Bearer realm="botberi"' + (', error="invalid_token"' if error else "")


def test_whose_token_has_expired_is_told_so_in_the_words_of_oauth(api: Api, forge: Forge) -> None:
    expired = forge(exp=int(time.time()) - 60)
    assert 'error="invalid_token"' in api.user.get("/v1/me", token=expired).headers["WWW-Authenticate"]


def test_clocks_may_differ_by_a_few_seconds(api: Api, forge: Forge) -> None:
    assert code(api, forge(iat=int(time.time()) + 3)) == "200"


def test_a_token_signed_with_a_foreign_key_is_refused(api: Api, forge: Forge) -> None:
    assert code(api, forge(key=Ed25519PrivateKey.generate())) == "unauthenticated"


def test_a_token_signed_with_the_other_live_key_passes(api: Api, forge: Forge) -> None:
    other = json.loads(secret(keys.PRIVATE))["keys"][1]
    assert code(api, forge(key=jwt.PyJWK(other, "EdDSA").key, headers={"kid": other["kid"]})) == "200"


@pytest.mark.parametrize("kind", ["JWT", "dpop+jwt", None, ""])
def test_a_token_of_another_kind_is_refused(api: Api, forge: Forge, kind: str | None) -> None:
    assert code(api, forge(headers={"typ": kind})) == "unauthenticated"


def test_a_key_that_was_removed_is_refused_at_once(api: Api, forge: Forge, own_secrets: Path) -> None:
    first, second = json.loads(secret(keys.PRIVATE))["keys"]
    tokens = [forge(key=jwt.PyJWK(key, "EdDSA").key, headers={"kid": key["kid"]}) for key in (first, second)]
    assert [code(api, token) for token in tokens] == ["200", "200"]
    public = [key for key in keys.public_keys() if key["kid"] != second["kid"]]
    (own_secrets / keys.PUBLIC).write_text(json.dumps({"keys": public}))
    assert [code(api, token) for token in tokens] == ["200", "unauthenticated"]


def test_keys_that_were_rotated_in_meanwhile_are_found(
    api: Api, forge: Forge, own_secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_memory(monkeypatch):
        before = forge()
        assert code(api, before) == "200"
        keys.generate(own_secrets)
        assert code(api, forge()) == "200"
        assert code(api, before) == "unauthenticated"


@pytest.mark.parametrize("headers", [{"kid": None}, {"kid": "unknown"}, {"kid": ""}, {"kid": "../../etc/passwd"}])
def test_a_token_without_a_known_key_is_refused(api: Api, forge: Forge, headers: dict[str, Any]) -> None:
    assert code(api, forge(headers=headers)) == "unauthenticated"


def test_a_token_that_brings_its_own_key_is_refused(api: Api, forge: Forge) -> None:
    own = Ed25519PrivateKey.generate()
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(own.public_key(), as_dict=True)
    headers = {"kid": keys.signing_key()[0], "jwk": jwk, "jku": "https://example.com/jwks.json"}
    assert code(api, forge(key=own, headers=headers)) == "unauthenticated"


def test_an_unsigned_token_is_refused(api: Api, forge: Forge) -> None:
    genuine = forge()
    header = jwt.get_unverified_header(genuine) | {"alg": "none"}
    start = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    assert code(api, f"{start}.{genuine.split('.')[1]}.") == "unauthenticated"


def test_a_public_key_is_no_shared_secret(api: Api, forge: Forge) -> None:
    public = base64.urlsafe_b64decode(keys.public_keys()[0]["x"] + "=")
    assert code(api, forge(key=public, algorithm="HS256")) == "unauthenticated"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_changed_anywhere_is_refused(api: Api, forge: Forge, part: int) -> None:
    parts = forge().split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    assert code(api, ".".join(parts)) == "unauthenticated"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "a.b", "\xff", "e30.e30.e30", "A" * 7000])
def test_what_is_no_token_is_refused(api: Api, token: str) -> None:
    assert code(api, token) == "unauthenticated"


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "bearer ", "Token x"])
def test_another_scheme_is_refused(api: Api, header: str) -> None:
    answer = api.user.get("/v1/me", headers={"Authorization": header})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")


def test_a_session_that_there_is_not_is_refused(api: Api, forge: Forge) -> None:
    assert code(api, forge(sid="ses_" + "0" * 32)) == "session_revoked"


def test_without_the_scope_it_is_a_403(api: Api, forge: Forge) -> None:
    assert code(api, forge(scope="broker administrator users")) == "forbidden"
