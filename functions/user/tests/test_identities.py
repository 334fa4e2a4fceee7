"""Logging in with an OpenID provider: who gets in, who doesn't, and how an account is linked to one."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import jwt as pyjwt
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import text

from core.configuration import setting
from functions.domain.accounts import administration, openid, throttling
from functions.domain.databases import UserDb
from testing import mails as sending
from testing import openid_provider, people
from testing.authenticators import enrol as enrol_passkey
from testing.clients import Api
from testing.environment import Environment
from testing.factors import enrol
from testing.openid_provider import CLIENT_ID, CLIENT_SECRET, KINDS, OpenIdProvider
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher

Somebody = Callable[..., Person]
BROWSER: Final = {"User-Agent": "A browser/1", "X-Forwarded-For": "203.0.113.77"}
IDENTITIES: Final = "/v1/me/identities"


@pytest.fixture
def provider(env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenIdProvider]:
    """A provider that the installation knows, with a secret that it has given."""
    folder = tmp_path / "secrets"
    openid_provider.secrets_in(folder, env.secrets)
    with openid_provider.running() as running:
        monkeypatch.setenv("BOTBERI_SECRETS", str(folder))
        monkeypatch.setenv(openid.PROVIDERS_SETTING, running.setting)
        monkeypatch.setenv(openid.NETWORKS_SETTING, "127.0.0.1/32")
        yield running


def begin(api: Api, provider: str = "example") -> dict[str, Any]:
    begun = api.user.post(f"/v1/auth/oidc/{provider}/begin")
    assert begun.status_code == 200, begun.text
    return dict(begun.json)


def bring(api: Api, provider: OpenIdProvider) -> dict[str, str]:
    """Go to the provider and come back; return what the page sends then."""
    begun = begin(api)
    return {"challenge": begun["challenge"], **provider.authorize(begun["authorization_url"])}


def finish(api: Api, brought: dict[str, str]) -> Response:
    return api.user.post("/v1/auth/oidc/example/finish", json=brought, headers=BROWSER)


def log_in(api: Api, provider: OpenIdProvider) -> Response:
    return finish(api, bring(api, provider))


def link(api: Api, provider: OpenIdProvider, token: str) -> Response:
    return api.user.post(f"{IDENTITIES}/example", json=bring(api, provider), token=token)


def unlink(api: Api, token: str) -> Response:
    return api.user.delete(f"{IDENTITIES}/example", token=token)


def told(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.code


def token_of(answer: Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


def me(api: Api, token: str) -> dict[str, Any]:
    return dict(api.user.get("/v1/me", token=token).json)


def said(env: Environment, account_id: str) -> list[str]:
    query = text("select type from outbox where data ->> 'account_id' = :id order by seq")
    with env.transaction("user_psql", "relay") as db:
        return [each.removeprefix("com.botberi.") for each in db.scalars(query, {"id": account_id})]


def test_without_providers_there_are_none(api: Api) -> None:
    assert api.user.get("/v1/auth/oidc").json == {"items": []}
    assert told(api.user.post("/v1/auth/oidc/example/begin")) == (404, "provider_not_found")


def test_providers_are_told_with_their_names(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(openid.PROVIDERS_SETTING, "one https://one.example a One & Only ;two https://two.example b;")
    found = api.user.get("/v1/auth/oidc").json["items"]
    assert found == [{"id": "one", "name": "One & Only"}, {"id": "two", "name": "two"}]


def test_somebody_new_has_an_account_with_a_verified_address_and_no_password(
    api: Api, env: Environment, provider: OpenIdProvider
) -> None:
    somebody = provider.somebody()
    pair = log_in(api, provider)
    account = me(api, token_of(pair))
    assert (account["email"], account["email_verified"], account["scopes"]) == (somebody["email"], True, ["user"])
    claims = pyjwt.decode(pair.json["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["acr"]) == (account["id"], "aal1")
    assert said(env, account["id"]) == ["account.registered.v1", "email.verified.v1", "identity.linked.v1"]
    guess = {"email": somebody["email"], "password": "no password at all"}
    assert told(api.user.post("/v1/auth/login", json=guess)) == (401, "credentials_wrong")
    [session] = api.user.get("/v1/me/sessions", token=pair.json["access_token"]).json["items"]
    assert (session["device"], session["network"]) == ("A browser/1", "203.0.113.0/24")


def test_a_session_that_a_provider_began_is_ours_alone(api: Api, provider: OpenIdProvider) -> None:
    provider.somebody()
    pair = log_in(api, provider).json
    asked = list(provider.asked)
    refreshed = api.user.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert refreshed.status_code == 200
    assert api.user.post("/v1/auth/logout", token=token_of(refreshed)).status_code == 204
    assert told(api.user.get("/v1/me", token=pair["access_token"])) == (401, "session_revoked")
    assert provider.asked == asked


def test_the_same_person_comes_to_the_same_account_whatever_their_address_is_by_then(
    api: Api, provider: OpenIdProvider
) -> None:
    somebody = provider.somebody()
    first = me(api, token_of(log_in(api, provider)))
    provider.somebody(sub=somebody["sub"], email_verified=False)
    assert me(api, token_of(log_in(api, provider))) == first
    provider.somebody(email=somebody["email"])
    assert told(log_in(api, provider)) == (409, "account_exists")


def test_what_the_provider_is_asked(api: Api, provider: OpenIdProvider) -> None:
    first, second = (dict(parse_qsl(urlsplit(begin(api)["authorization_url"]).query)) for _ in range(2))
    secret = ("state", "nonce", "code_challenge")
    assert {name: value for name, value in first.items() if name not in secret} == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "scope": "openid email",
        "redirect_uri": f"{setting('APP_URL')}/log-in",
        "code_challenge_method": "S256",
    }
    assert all(len(first[name]) == 43 and first[name] != second[name] for name in secret)
    assert provider.asked == ["/.well-known/openid-configuration"]


def test_nothing_that_opens_anything_is_kept_of_what_has_begun(
    api: Api, env: Environment, provider: OpenIdProvider
) -> None:
    begun = begin(api)
    asked = dict(parse_qsl(urlsplit(begun["authorization_url"]).query))
    assert not set(asked.values()) & {begun["challenge"]}
    with env.transaction("user_psql", "migrator") as db:
        rows = str(db.execute(text("select t::text from mfa_challenges as t")).all())
    assert not [each for each in (begun["challenge"], asked["state"], asked["nonce"]) if each in rows]


@pytest.mark.parametrize("algorithm", list(KINDS))
def test_keys_of_every_common_kind_are_taken(api: Api, provider: OpenIdProvider, algorithm: str) -> None:
    provider.algorithm = algorithm
    provider.rotate()
    assert log_in(api, provider).status_code == 200


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic", "client_secret_post"]])
def test_the_secret_is_shown_as_the_provider_takes_it(api: Api, provider: OpenIdProvider, methods: list[str]) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert log_in(api, provider).status_code == 200


def test_an_address_that_only_the_userinfo_has_is_taken_from_there(api: Api, provider: OpenIdProvider) -> None:
    somebody = provider.somebody(email=None, email_verified=None)
    email = f"{uuid4().hex}@example.com"
    provider.userinfo = {"sub": somebody["sub"], "email": email, "email_verified": "true"}
    assert me(api, token_of(log_in(api, provider)))["email"] == email


def test_a_userinfo_of_somebody_else_tells_nothing(api: Api, provider: OpenIdProvider) -> None:
    provider.somebody(email=None)
    provider.userinfo = {"sub": "another", "email": f"{uuid4().hex}@example.com", "email_verified": True}
    assert told(log_in(api, provider)) == (403, "identity_not_linked")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"aud": None},
        {"iss": "https://other.example"},
        {"iss": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": None},
        {"iat": 99_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 7},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_this_log_in_proves_nothing(
    api: Api, provider: OpenIdProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert told(log_in(api, provider)) == (401, "identity_not_proved")


def test_a_second_audience_is_fine_where_the_token_says_that_it_is_for_us(api: Api, provider: OpenIdProvider) -> None:
    provider.claims = {"aud": [CLIENT_ID, "another client"], "azp": CLIENT_ID}
    assert log_in(api, provider).status_code == 200


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts), ""])


def test_a_token_that_the_provider_has_not_signed_proves_nothing(api: Api, provider: OpenIdProvider) -> None:
    other = ECKey.generate_key("P-256", {"kid": provider.key.kid or ""})
    public = json.dumps(provider.key.as_dict(private=False))
    secrets = [OctKey.import_key(each, {"kid": provider.key.kid or ""}) for each in (CLIENT_SECRET, public)]
    header = {"alg": "HS256", "kid": provider.key.kid}
    ways: list[Callable[[dict[str, Any]], str]] = [
        unsigned,
        lambda claims: jwt.encode({"alg": "ES256", "kid": other.kid}, claims, other),
        lambda claims: jwt.encode(header, claims, secrets[0]),
        lambda claims: jwt.encode(header, claims, secrets[1]),
        lambda _: "no token",
        lambda _: "a.b.c",
    ]
    for sign in ways:
        provider.sign = sign
        assert told(log_in(api, provider)) == (401, "identity_not_proved")


def test_what_was_brought_is_good_once(api: Api, provider: OpenIdProvider) -> None:
    brought = bring(api, provider)
    assert finish(api, brought).status_code == 200
    assert told(finish(api, brought)) == (410, "challenge_expired")
    # Nor is the code, with a challenge that is good.
    fresh = bring(api, provider)
    assert told(finish(api, fresh | {"code": brought["code"]})) == (401, "identity_not_proved")


def test_of_two_at_once_one_gets_in(api: Api, provider: OpenIdProvider) -> None:
    brought = bring(api, provider)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: finish(api, brought).status_code, range(4)))
    assert sorted(answers) == [200, 410, 410, 410]


def test_what_another_browser_has_begun_is_of_no_use(api: Api, provider: OpenIdProvider) -> None:
    """Whoever is lured to an answer that was meant for somebody else isn't logged in as them."""
    attackers, victims = bring(api, provider), bring(api, provider)
    swapped = attackers | {"challenge": victims["challenge"]}
    assert told(finish(api, swapped)) == (401, "identity_not_proved")
    stolen = victims | {"code": attackers["code"]}
    assert told(finish(api, stolen)) == (401, "identity_not_proved")


def test_an_answer_of_another_provider_is_not_taken_for_this_ones(
    api: Api, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = f"{provider.setting}; other {provider.issuer}/other {CLIENT_ID} Other"
    monkeypatch.setenv(openid.PROVIDERS_SETTING, both)
    brought = bring(api, provider)
    answers = [
        finish(api, brought | {"iss": f"{provider.issuer}/other"}),
        api.user.post("/v1/auth/oidc/other/finish", json=brought),
        finish(api, {name: value for name, value in brought.items() if name != "iss"}),
    ]
    assert [told(each) for each in answers] == [(401, "identity_not_proved")] * 3


def test_a_challenge_is_good_for_minutes(api: Api, env: Environment, provider: OpenIdProvider) -> None:
    brought = bring(api, provider)
    with env.transaction("user_psql", "migrator") as db:
        late = text("update mfa_challenges set expires_at = now() where challenge_hash = sha256(:challenge)")
        db.execute(late, {"challenge": brought["challenge"].encode()})
    assert told(finish(api, brought)) == (410, "challenge_expired")


def test_a_challenge_of_a_passkey_is_none_for_a_provider(api: Api, provider: OpenIdProvider) -> None:
    challenge = api.user.post("/v1/auth/passkeys/options").json["challenge"]
    derived = openid._derived(openid.find("example"), challenge, "state")
    answer = finish(api, {"challenge": challenge, "code": "x", "state": derived, "iss": provider.issuer})
    assert told(answer) == (410, "challenge_expired")


def test_an_address_that_is_not_verified_makes_no_account(api: Api, provider: OpenIdProvider) -> None:
    for claims in ({"email_verified": False}, {"email_verified": None}, {"email_verified": 1}, {"email": "no address"}):
        provider.somebody(**claims)
        assert told(log_in(api, provider)) == (403, "identity_not_linked")


def test_nobody_gets_into_an_account_by_its_address(api: Api, provider: OpenIdProvider, person: Somebody) -> None:
    ann = person()
    provider.somebody(email=ann.email.upper())
    assert told(log_in(api, provider)) == (409, "account_exists")
    assert api.user.get(IDENTITIES, token=ann.token).json == {"items": []}


def test_whoever_has_an_account_links_it_and_is_told(
    api: Api, env: Environment, provider: OpenIdProvider, person: Somebody, mails: Catcher
) -> None:
    ann = person()
    provider.somebody(email=ann.email)
    assert link(api, provider, ann.token).status_code == 204
    assert me(api, token_of(log_in(api, provider)))["id"] == ann.id
    [listed] = api.user.get(IDENTITIES, token=ann.token).json["items"]
    assert (listed["provider"], listed["issuer"]) == ("example", provider.issuer)
    assert listed["last_used_at"] is not None
    sending.send(api, env, ann.id)
    subjects = [each.subject for each in mails.mails if each.to == ann.email]
    assert "Your account can be logged in to another way" in subjects
    assert told(link(api, provider, ann.token)) == (409, "provider_linked_already")
    provider.somebody()
    assert told(link(api, provider, ann.token)) == (409, "provider_linked_already")


def test_what_is_linked_to_one_account_is_not_linked_to_another(
    api: Api, provider: OpenIdProvider, person: Somebody
) -> None:
    ann, bob = person(), person()
    assert link(api, provider, ann.token).status_code == 204
    assert told(link(api, provider, bob.token)) == (409, "identity_taken")
    assert told(unlink(api, bob.token)) == (404, "identity_not_found")


def test_linking_takes_a_recent_log_in_with_all_factors_and_no_key(
    api: Api, env: Environment, provider: OpenIdProvider, person: Somebody
) -> None:
    ann = person()
    key = people.api_key(api, env, ann)
    assert told(link(api, provider, key.text)) == (403, "session_required")
    assert told(link(api, provider, people.logged_in(ann, age=700))) == (401, "reauthentication_required")
    enrol(api, ann)
    weak = people.logged_in(ann, aal=1)
    for answer in (link(api, provider, weak), unlink(api, weak)):
        assert told(answer) == (403, "insufficient_aal")
    assert link(api, provider, people.logged_in(ann)).status_code == 204


def test_the_accounts_own_second_factor_is_asked_for_whatever_the_provider_says(
    api: Api, provider: OpenIdProvider, person: Somebody
) -> None:
    ann = person()
    assert link(api, provider, ann.token).status_code == 204
    phone = enrol_passkey(api, ann)
    provider.claims = {"acr": "aal2", "amr": ["mfa", "hwk"]}
    asked = log_in(api, provider)
    assert (asked.status_code, asked.json["mfa_required"], asked.json["totp"]) == (202, True, False)
    proof = {"challenge": asked.json["challenge"], "passkey": phone.sign(asked.json["passkey"])}
    pair = api.user.post("/v1/auth/mfa/verify", json=proof)
    assert pyjwt.decode(token_of(pair), options={"verify_signature": False})["acr"] == "aal2"


def test_a_suspended_or_deleted_account_is_closed_to_providers_too(
    api: Api, env: Environment, provider: OpenIdProvider
) -> None:
    account_id = me(api, token_of(log_in(api, provider)))["id"]
    with env.transaction("user_psql", "admin") as db:
        assert administration.suspend(UserDb(db), account_id, "a test")
    assert told(log_in(api, provider)) == (403, "account_suspended")
    provider.somebody()
    token = token_of(log_in(api, provider))
    assert api.user.delete("/v1/me", token=token).status_code == 202
    assert told(log_in(api, provider)) == (403, "account_deleted")


def test_the_last_way_in_is_not_taken_away(
    api: Api, env: Environment, provider: OpenIdProvider, mails: Catcher
) -> None:
    email = provider.somebody()["email"]
    token = token_of(log_in(api, provider))
    account_id = me(api, token)["id"]
    assert told(unlink(api, token)) == (409, "last_login")
    set_password(api, env, account_id, email, mails)
    session = api.user.post("/v1/auth/login", json={"email": email, "password": people.PASSWORD})
    other = token_of(log_in(api, provider))
    assert unlink(api, token_of(session)).status_code == 204
    assert told(api.user.get("/v1/me", token=other)) == (401, "session_revoked")
    assert said(env, account_id)[-2:] == ["identity.unlinked.v1", "session.revoked.v1"]
    assert told(log_in(api, provider)) == (409, "account_exists")


def test_a_passkey_that_is_the_last_way_in_is_not_taken_away(
    api: Api, env: Environment, provider: OpenIdProvider
) -> None:
    pair = log_in(api, provider)
    account = me(api, token_of(pair))
    ann = Person(account["id"], account["email"], "", pair.json["access_token"], pair.json["refresh_token"])
    enrol_passkey(api, ann)
    strong = people.logged_in(ann)
    assert unlink(api, strong).status_code == 204
    [passkey] = api.user.get("/v1/me/passkeys", token=strong).json["items"]
    assert told(api.user.delete(f"/v1/me/passkeys/{passkey['id']}", token=strong)) == (409, "last_login")


def set_password(api: Api, env: Environment, account_id: str, email: str, mails: Catcher) -> None:
    assert api.user.post("/v1/auth/password/forgot", json={"email": email}).status_code == 202
    sending.send(api, env, account_id)
    body = {"token": sending.token_to(mails, email), "new_password": people.PASSWORD}
    assert api.user.post("/v1/auth/password/reset", json=body).status_code == 204


def test_without_a_password_one_is_set_by_mail_alone_and_a_recent_log_in_does_in_its_place(
    api: Api, env: Environment, provider: OpenIdProvider, mails: Catcher
) -> None:
    email = provider.somebody()["email"]
    token = token_of(log_in(api, provider))
    change = {"current_password": "anything at all", "new_password": people.PASSWORD}
    assert told(api.user.put("/v1/me/password", json=change, token=token)) == (409, "password_not_set")
    wanted = {"email": f"{uuid4().hex}@example.com"}
    assert api.user.post("/v1/me/email", json=wanted, token=token).status_code == 202
    set_password(api, env, me(api, token)["id"], email, mails)
    session = api.user.post("/v1/auth/login", json={"email": email, "password": people.PASSWORD})
    answer = api.user.post("/v1/me/email", json=wanted, token=token_of(session))
    assert told(answer) == (403, "current_password_wrong")


def test_who_has_left_sets_a_password_and_comes_back(
    api: Api, env: Environment, provider: OpenIdProvider, mails: Catcher
) -> None:
    email = provider.somebody()["email"]
    token = token_of(log_in(api, provider))
    account_id = me(api, token)["id"]
    assert api.user.delete("/v1/me", token=token).status_code == 202
    set_password(api, env, account_id, email, mails)
    body = {"email": email, "password": people.PASSWORD}
    assert api.user.post("/v1/auth/restore", json=body).status_code == 204
    assert me(api, token_of(log_in(api, provider)))["id"] == account_id


def test_whoever_signed_up_with_somebody_elses_address_is_out_by_their_first_token(
    api: Api, env: Environment, provider: OpenIdProvider, mails: Catcher
) -> None:
    mallory = people.arrive(api, env, ["user"], verified=False)
    assert link(api, provider, mallory.token).status_code == 204
    set_password(api, env, mallory.id, mallory.email, mails)
    assert "identity.unlinked.v1" in said(env, mallory.id)
    assert me(api, token_of(log_in(api, provider)))["id"] != mallory.id


def test_first_log_ins_at_once_make_one_account(api: Api, provider: OpenIdProvider) -> None:
    brought = [bring(api, provider) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda each: token_of(finish(api, each)), brought))
    assert len({me(api, each)["id"] for each in tokens}) == 1


def test_a_provider_that_is_down_is_a_503_and_one_that_makes_no_sense_a_502(
    api: Api, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = bring(api, provider)
    provider.answers["/token"] = 500
    assert told(finish(api, brought)) == (503, "provider_unavailable")
    provider.answers["/token"] = 400
    assert told(log_in(api, provider)) == (502, "provider_failed")
    monkeypatch.setenv(openid.PROVIDERS_SETTING, f"example http://127.0.0.1:1 {CLIENT_ID}")
    assert told(api.user.post("/v1/auth/oidc/example/begin")) == (503, "provider_unavailable")


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_a_provider_that_says_what_it_should_not_is_not_used(
    api: Api, provider: OpenIdProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert told(api.user.post("/v1/auth/oidc/example/begin")) == (502, "provider_failed")


def test_no_provider_leads_into_a_network_that_nobody_named(
    api: Api, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(openid.NETWORKS_SETTING, "10.9.9.0/24")
    assert told(api.user.post("/v1/auth/oidc/example/begin")) == (502, "provider_failed")
    assert provider.asked == []


def test_keys_are_asked_for_anew_when_one_is_unknown_but_not_each_time(
    api: Api, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log_in(api, provider).status_code == 200
    provider.rotate()
    assert told(log_in(api, provider)) == (401, "identity_not_proved")
    monkeypatch.setattr(openid, "RENEWAL_SECONDS", 0)
    assert log_in(api, provider).status_code == 200
    assert provider.asked.count("/keys") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


def test_what_a_provider_tells_is_kept_for_an_hour(
    api: Api, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [log_in(api, provider).status_code for _ in range(2)] == [200, 200]
    assert [provider.asked.count(each) for each in ("/keys", "/.well-known/openid-configuration")] == [1, 1]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + openid.KEPT_SECONDS + 60)
    assert log_in(api, provider).status_code == 200
    assert [provider.asked.count(each) for each in ("/keys", "/.well-known/openid-configuration")] == [2, 2]


def test_answers_that_prove_nothing_are_counted_for_a_network(
    api: Api, env: Environment, provider: OpenIdProvider
) -> None:
    network = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::"
    with env.transaction("user_psql", "user") as db:
        for _ in range(throttling.FREE_OF_NETWORK - 1):
            throttling.count_identity(UserDb(db), str(ip_network(f"{network}/64")))
    codes = []
    for _ in range(3):
        brought = bring(api, provider) | {"code": "made up"}
        headers = {"X-Forwarded-For": f"{network}1"}
        codes.append(api.user.post("/v1/auth/oidc/example/finish", json=brought, headers=headers).code)
    assert codes[0] == "identity_not_proved"
    assert codes[-1] == "too_many_guesses"


def test_nothing_of_a_provider_is_in_the_log_or_the_events(
    api: Api, env: Environment, provider: OpenIdProvider, caplog: pytest.LogCaptureFixture
) -> None:
    somebody = provider.somebody()
    brought = bring(api, provider)
    answers = [finish(api, brought) for _ in range(2)]
    token = token_of(answers[0])
    with env.transaction("user_psql", "migrator") as db:
        emitted = str(db.execute(text("select t::text from outbox as t where subject = :id"), me(api, token)).all())
    secret = (CLIENT_SECRET, brought["code"], brought["challenge"], *provider.issued)
    for each in (somebody["sub"], somebody["email"], *secret):
        assert each not in caplog.text + emitted + "".join(answer.text for answer in answers)
