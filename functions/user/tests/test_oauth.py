"""Clients of OAuth: how one gets tokens by somebody's consent, what they are good for, and what nobody gets."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from sqlalchemy import text

from core.configuration import setting
from functions.domain import pruning
from functions.domain.accounts import administration, oauth_clients
from functions.domain.databases import UserDb
from testing import mails as sending
from testing import oauth_client, people
from testing.clients import Api
from testing.environment import Environment
from testing.factors import enrol
from testing.oauth_client import OAuthClient, post, query_of
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher

Somebody = Callable[..., Person]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oauth_client.certificate(tmp_path_factory.mktemp("client") / "server.pem")


@pytest.fixture
def client(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OAuthClient]:
    """A client whose document this machine's functions can read."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv(oauth_clients.NETWORKS_SETTING, "127.0.0.1/32")
    with oauth_client.running(certificate) as running:
        yield running


@pytest.fixture
def other(certificate: Path, client: OAuthClient) -> Iterator[OAuthClient]:
    with oauth_client.running(certificate) as running:
        yield running


@pytest.fixture
def platform() -> str:
    """The resource that is the platform's MCP endpoint."""
    return f"{setting('API_URL')}/v1/mcp"


def discover(api: Api, token: str, path: str = "/v1/mcp") -> Response:
    """Call an MCP endpoint."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "server/discover",
        "params": {
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        },
    }
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "server/discover",
        "Host": urlsplit(setting("API_URL")).netloc,
    }
    return api.user.post(path, json=body, headers=headers, token=token)


def error(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


def told(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.code


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def sessions_of(api: Api, somebody: Person) -> list[dict[str, Any]]:
    return list(api.user.get("/v1/me/sessions", token=somebody.token).json["items"])


def said(env: Environment, somebody: Person) -> list[str]:
    query = text("select type from outbox where data ->> 'account_id' = :id order by seq")
    with env.transaction("user_psql", "relay") as db:
        return [each.removeprefix("com.botberi.") for each in db.scalars(query, {"id": somebody.id})]


def test_metadata_lead_from_the_resource_to_the_tokens(api: Api, platform: str) -> None:
    refused = discover(api, "no token")
    assert refused.status_code == 401
    place = refused.headers["WWW-Authenticate"].split('resource_metadata="')[1].split('"')[0]
    resource = api.user.get(urlsplit(place).path).json
    assert (resource["resource"], resource["authorization_servers"]) == (platform, [setting("API_URL")])
    server = api.user.get("/.well-known/oauth-authorization-server").json
    assert server["issuer"] == setting("API_URL")
    assert server["authorization_endpoint"] == f"{setting('APP_URL')}/consent"
    assert server["token_endpoint"] == f"{setting('API_URL')}/v1/oauth/token"
    assert (server["code_challenge_methods_supported"], server["response_types_supported"]) == (["S256"], ["code"])
    assert server["token_endpoint_auth_methods_supported"] == ["none"]
    assert server["authorization_response_iss_parameter_supported"] is True
    assert server["client_id_metadata_document_supported"] is True
    assert "registration_endpoint" not in server


def test_a_client_acts_for_whoever_has_consented(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody, mails: Catcher
) -> None:
    ann = person()
    asked = client.ask(api, ann.token, platform, None)
    assert asked.json == {
        "client_name": "A client",
        "client_host": f"localhost:{client.port}",
        "redirect_host": "127.0.0.1:53219",
        "resource": platform,
        "scopes": ["user"],
        "redirect_to": None,
    }
    assert len(sessions_of(api, ann)) == 1
    approved = client.ask(api, ann.token, platform)
    assert approved.json["redirect_to"].startswith(f"{client.redirect_uri}?")
    brought = query_of(approved)
    assert (brought["state"], brought["iss"]) == ("a state of its own", setting("API_URL"))
    answer = client.trade(api, brought["code"], resource=platform)
    pair = answer.json
    assert (pair["token_type"], pair["expires_in"], pair["scope"]) == ("Bearer", 600, "user")
    assert discover(api, pair["access_token"]).status_code == 200
    token = claims(pair["access_token"])
    assert (token["aud"], token["client_id"], token["sub"]) == (platform, client.id, ann.id)
    [session, _] = sessions_of(api, ann)
    assert (session["client_name"], session["client_id"]) == ("A client", client.id)
    assert (session["device"], session["resource"]) == ("a-client/1", platform)
    assert "client.approved.v1" in said(env, ann)
    sending.send(api, env, ann.id)
    assert "A program may act for your account" in [each.subject for each in mails.mails if each.to == ann.email]


def test_a_client_refreshes_and_a_spent_token_ends_its_session(
    api: Api, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    first = client.pair(api, ann.token, platform)
    second = client.refresh(api, first["refresh_token"], scope="user", resource=platform).json
    third = client.refresh(api, second["refresh_token"]).json
    assert discover(api, third["access_token"]).status_code == 200
    assert error(client.refresh(api, first["refresh_token"])) == (400, "invalid_grant")
    assert error(client.refresh(api, third["refresh_token"])) == (400, "invalid_grant")
    assert len(sessions_of(api, ann)) == 1


def test_a_token_is_good_at_its_resource_alone_and_never_for_the_account(
    api: Api, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    token = client.pair(api, ann.token, platform)["access_token"]
    instance = f"/v1/instances/ins_{'0' * 32}/mcp"
    for answer in (
        api.user.get("/v1/me", token=token),
        api.user.get("/v1/me/sessions", token=token),
        api.user.get("/v1/instances", token=token),
        api.user.post("/v1/me/api-keys", json={"name": "x", "scopes": ["user"]}, token=token),
        api.user.delete("/v1/me", token=token),
        api.user.post("/v1/auth/logout", token=token),
    ):
        assert told(answer) == (401, "unauthenticated")
    assert discover(api, token, instance).status_code == 401
    assert error_of_me(api, client, ann, f"{setting('API_URL')}{instance}") == (404, 401)


def error_of_me(api: Api, client: OAuthClient, ann: Person, resource: str) -> tuple[int, int]:
    """Return what a token for another resource is answered there, and at the platform."""
    token = client.pair(api, ann.token, resource)["access_token"]
    return discover(api, token, urlsplit(resource).path).status_code, discover(api, token).status_code


def test_people_s_own_tokens_and_keys_go_on_as_ever(api: Api, env: Environment, person: Somebody) -> None:
    ann = person()
    assert discover(api, ann.token).status_code == 200
    assert discover(api, people.api_key(api, env, ann).text).status_code == 200


def test_a_session_of_a_client_is_not_refreshed_as_somebody_s_own_nor_the_other_way_round(
    api: Api, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    pair = client.pair(api, ann.token, platform)
    answer = api.user.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert told(answer) == (401, "refresh_token_invalid")
    assert error(client.refresh(api, ann.refresh_token)) == (400, "invalid_grant")
    assert client.refresh(api, pair["refresh_token"]).status_code == 200
    assert api.user.post("/v1/auth/refresh", json={"refresh_token": ann.refresh_token}).status_code == 200


def test_its_owner_ends_it_like_any_session(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    pair = client.pair(api, ann.token, platform)
    [session, _] = sessions_of(api, ann)
    assert api.user.delete(f"/v1/me/sessions/{session['id']}", token=ann.token).status_code == 204
    assert error(client.refresh(api, pair["refresh_token"])) == (400, "invalid_grant")


def test_a_client_ends_its_own_session_and_no_other(
    api: Api, client: OAuthClient, other: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    pair = client.pair(api, ann.token, platform)

    def revoke(who: OAuthClient, token: str) -> Response:
        return post(api, "revoke", {"token": token, "client_id": who.id, "token_type_hint": "refresh_token"})

    for who, token in ((other, pair["refresh_token"]), (client, ann.refresh_token), (client, "made up")):
        assert revoke(who, token).status_code == 200
    assert len(sessions_of(api, ann)) == 2
    assert error(revoke(client, pair["access_token"])) == (400, "unsupported_token_type")
    assert revoke(client, pair["refresh_token"]).status_code == 200
    assert error(client.refresh(api, pair["refresh_token"])) == (400, "invalid_grant")
    assert len(sessions_of(api, ann)) == 1


def test_a_code_that_comes_back_ends_what_came_of_it(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    code = client.code(api, ann.token, platform)
    pair = client.trade(api, code).json
    assert error(client.trade(api, code)) == (400, "invalid_grant")
    assert error(client.refresh(api, pair["refresh_token"])) == (400, "invalid_grant")
    assert "session.revoked.v1" in said(env, ann)


def test_of_two_who_show_a_code_at_once_at_most_one_has_a_session(
    api: Api, client: OAuthClient, platform: str, person: Somebody
) -> None:
    code = client.code(api, person().token, platform)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.trade(api, code).status_code, range(4)))
    assert sorted(answers) == [200, 400, 400, 400]


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "A" * 43},
        {"redirect_uri": "http://127.0.0.1:53220/callback"},
        {"redirect_uri": "https://client.example/callback"},
        {"client_id": "https://localhost:1/client.json"},
        {"code": "oac_" + "A" * 43},
        {"resource": "http://localhost:1/v1/mcp"},
    ],
    ids=str,
)
def test_a_code_is_good_for_whoever_has_begun_alone(
    api: Api, client: OAuthClient, platform: str, person: Somebody, changes: dict[str, str]
) -> None:
    code = client.code(api, person().token, platform)
    assert error(client.trade(api, code, **changes)) == (400, "invalid_grant")
    assert client.trade(api, code).status_code == 200


def test_a_code_is_good_for_a_minute(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    code = client.code(api, person().token, platform)
    with env.transaction("user_psql", "migrator") as db:
        left = "expires_at - now() <= interval '60 seconds' and expires_at > now() + interval '30 seconds'"
        mine = {"code": code.encode()}
        assert db.scalar(text(f"select {left} from oauth_codes where code_hash = sha256(:code)"), mine)
        db.execute(text("update oauth_codes set expires_at = now() where code_hash = sha256(:code)"), mine)
    assert error(client.trade(api, code)) == (400, "invalid_grant")
    with env.transaction("user_psql", "migrator") as db:
        old = "update oauth_codes set expires_at = now() - interval '25 hours' where code_hash = sha256(:code)"
        db.execute(text(old), mine)
    with env.transaction("user_psql", "subscribers") as db:
        assert pruning.forget_oauth_codes(UserDb(db)) >= 1


def test_another_client_has_nothing_of_a_refresh_token(
    api: Api, client: OAuthClient, other: OAuthClient, platform: str, person: Somebody
) -> None:
    pair = client.pair(api, person().token, platform)
    assert error(other.refresh(api, pair["refresh_token"])) == (400, "invalid_grant")
    # Nor is that a use of it.
    assert client.refresh(api, pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize("scope", ["user admin", "admin", "broker"])
def test_scopes_do_not_grow(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody, scope: str
) -> None:
    root = people.arrive(api, env, ["user", "admin", "broker"])
    asked = client.ask(api, root.token, platform, scope=scope)
    if scope == "user admin":
        pair = client.trade(api, query_of(asked)["code"]).json
        assert (pair["scope"], claims(pair["access_token"])["scope"]) == ("user", "user")
        assert error(client.refresh(api, pair["refresh_token"], scope=scope)) == (400, "invalid_scope")
    else:
        assert told(asked) == (422, "invalid_scope")


def test_a_scope_that_the_account_has_lost_is_lost_for_clients(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    pair = client.pair(api, ann.token, platform)
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update accounts set scopes = '{}' where id = :id"), {"id": ann.id})
    assert client.refresh(api, pair["refresh_token"]).json["scope"] == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "https://evil.example/callback"}, "redirect_not_registered"),
        ({"redirect_uri": "https://client.example/callback/more"}, "redirect_not_registered"),
        ({"redirect_uri": "https://client.example/callback?more"}, "redirect_not_registered"),
        ({"redirect_uri": "https://client.example:444/callback"}, "redirect_not_registered"),
        ({"redirect_uri": "https://client.example@evil.example/callback"}, "redirect_not_registered"),
        ({"redirect_uri": "http://client.example/callback"}, "redirect_not_registered"),
        ({"redirect_uri": "http://127.0.0.1.evil.example/callback"}, "redirect_not_registered"),
        ({"redirect_uri": "http://127.0.0.1:80/other"}, "redirect_not_registered"),
        ({"redirect_uri": "http://localhost:80/callback"}, "redirect_not_registered"),
        ({"redirect_uri": "http://127.0.0.1:80/callback#x"}, "redirect_not_registered"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_not_registered"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "challenge_required"),
        ({"code_challenge_method": None}, "challenge_required"),
        ({"code_challenge_method": "plain"}, "challenge_required"),
        ({"code_challenge": "short"}, "challenge_required"),
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://elsewhere.example/v1/mcp"}, "invalid_target"),
        ({"resource": "http://localhost:1/v1/me"}, "invalid_target"),
    ],
    ids=str,
)
@pytest.mark.parametrize("decision", ["approve", "deny", None])
def test_what_a_client_may_not_ask_for_is_said_here_and_sends_the_browser_nowhere(
    api: Api,
    client: OAuthClient,
    platform: str,
    person: Somebody,
    changes: dict[str, str | None],
    code: str,
    decision: str | None,
) -> None:
    answer = client.ask(api, person().token, platform, decision, **changes)
    assert told(answer) == (422, code)
    assert "redirect_to" not in answer.json


def test_every_resource_here_is_one_of_mcp(api: Api, client: OAuthClient, person: Somebody) -> None:
    ann = person()
    root, instance = setting("API_URL"), f"/v1/instances/ins_{'0' * 32}/mcp"
    for path in ("", "/v1/mcp/", "/v1/me", "/v1/instances/ins_1/mcp", f"{instance}/..", "/v1/mcp?x"):
        assert told(client.ask(api, ann.token, f"{root}{path}")) == (422, "invalid_target")


def test_who_denies_is_sent_back_with_that_and_the_client_has_nothing(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    answer = client.ask(api, ann.token, platform, "deny")
    assert query_of(answer) == {"error": "access_denied", "state": "a state of its own", "iss": setting("API_URL")}
    assert "client.approved.v1" not in said(env, ann)


@pytest.mark.parametrize("port", ["", ":1", ":65535"])
def test_a_program_on_somebodys_own_machine_may_listen_on_any_port(
    api: Api, client: OAuthClient, platform: str, person: Somebody, port: str
) -> None:
    redirect = f"http://127.0.0.1{port}/callback"
    answer = client.ask(api, person().token, platform, redirect_uri=redirect)
    assert answer.json["redirect_to"].startswith(f"{redirect}?code=")


@pytest.mark.parametrize(
    "document",
    [
        {"client_id": "https://other.example/client.json"},
        {"client_id": None},
        {"redirect_uris": None},
        {"redirect_uris": "https://client.example/callback"},
        {"redirect_uris": [7]},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"client_secret": "x"},
        {"padding": "x" * 20_000},
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_document_that_says_what_it_should_not_is_no_client(
    api: Api, client: OAuthClient, platform: str, person: Somebody, document: dict[str, Any]
) -> None:
    client.document = document
    assert told(client.ask(api, person().token, platform)) == (404, "client_not_found")


def test_a_document_that_moved_or_is_none_is_no_client(
    api: Api, client: OAuthClient, other: OAuthClient, platform: str, person: Somebody
) -> None:
    client.status, client.location = 302, other.id
    ann = person()
    assert told(client.ask(api, ann.token, platform)) == (404, "client_not_found")
    assert other.asked == 0
    for client.status, client.body in ((404, None), (500, None), (200, b"no JSON"), (200, b"[]"), (200, b"[" * 9000)):
        assert told(client.ask(api, ann.token, platform)) in {(404, "client_not_found"), (429, "too_many_guesses")}


@pytest.mark.parametrize(
    "client_id",
    [
        *("http://localhost:{port}/client.json", "https://localhost:{port}", "https://localhost:{port}/"),
        *("https://a@localhost:{port}/client.json", "https://localhost:{port}/client.json#x"),
        *("https://localhost:{port}/x/../client.json", "https://localhost:0/client.json", "a client", "https:///x"),
        *("https://localhost:{port}\\@evil.example/x", "https://löcalhost/client.json"),
    ],
)
def test_an_id_that_is_no_address_of_a_document_is_asked_nothing(
    api: Api, client: OAuthClient, platform: str, person: Somebody, client_id: str
) -> None:
    body = client.request(platform, client_id=client_id.format(port=client.port))
    answer = api.user.post("/v1/oauth/authorize", json=body, token=person().token)
    assert told(answer) == (404, "client_not_found")
    assert client.asked == 0


def test_no_document_is_fetched_from_within(
    api: Api, client: OAuthClient, platform: str, person: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(oauth_clients.NETWORKS_SETTING, "")
    assert told(client.ask(api, person().token, platform)) == (404, "client_not_found")
    assert client.asked == 0


def test_a_certificate_that_nobody_vouches_for_is_no_client(
    api: Api, client: OAuthClient, platform: str, person: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert told(client.ask(api, person().token, platform)) == (404, "client_not_found")


def test_a_document_is_kept_for_minutes(
    api: Api, client: OAuthClient, platform: str, person: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person()
    assert [client.ask(api, ann.token, platform, None).status_code for _ in range(3)] == [200] * 3
    assert client.asked == 1
    monkeypatch.setattr(oauth_clients, "KEPT_SECONDS", 0)
    assert client.ask(api, ann.token, platform, None).status_code == 200
    assert client.asked == 2


def test_who_tries_clients_that_are_none_has_to_wait(
    api: Api, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    client.status = 404
    codes = {client.ask(api, ann.token, platform).code for _ in range(8)}
    assert codes == {"client_not_found", "too_many_guesses"}


def test_what_a_client_calls_itself_is_shown_in_letters_that_can_be_seen(
    api: Api, client: OAuthClient, platform: str, person: Somebody
) -> None:
    client.document = {"client_name": "\u202eBank\n\x00" + "x" * 200}
    assert client.ask(api, person().token, platform, None).json["client_name"] == ("Bank" + "x" * 200)[:100]


def test_consenting_takes_a_recent_log_in_with_all_factors_and_no_key(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    key = people.api_key(api, env, ann)
    assert told(client.ask(api, key.text, platform)) == (403, "session_required")
    assert told(client.ask(api, people.logged_in(ann, age=700), platform)) == (401, "reauthentication_required")
    token = client.pair(api, ann.token, platform)["access_token"]
    assert told(client.ask(api, token, platform)) == (401, "unauthenticated")
    enrol(api, ann)
    assert told(client.ask(api, people.logged_in(ann, aal=1), platform)) == (403, "insufficient_aal")
    assert client.ask(api, people.logged_in(ann), platform).status_code == 200


def test_what_ends_all_sessions_withdraws_what_was_consented_to(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    code = client.code(api, ann.token, platform)
    change = {"current_password": ann.password, "new_password": "a staple that nobody guesses"}
    assert api.user.put("/v1/me/password", json=change, token=ann.token).status_code == 204
    assert error(client.trade(api, code)) == (400, "invalid_grant")


def test_a_suspended_account_has_no_clients(
    api: Api, env: Environment, client: OAuthClient, platform: str, person: Somebody
) -> None:
    ann = person()
    pair, code = client.pair(api, ann.token, platform), client.code(api, ann.token, platform)
    with env.transaction("user_psql", "admin") as db:
        assert administration.suspend(UserDb(db), ann.id, "a test")
    assert error(client.trade(api, code)) == (400, "invalid_grant")
    assert error(client.refresh(api, pair["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x", "redirect_uri": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "rt_made up"}, "invalid_grant"),
        ({}, "invalid_request"),
    ],
    ids=str,
)
def test_what_is_refused_is_said_in_the_words_of_oauth(
    api: Api, client: OAuthClient, form: dict[str, str], code: str
) -> None:
    assert error(post(api, "token", {"client_id": client.id, **form})) == (400, code)


def test_no_code_or_token_is_kept_or_logged(
    api: Api,
    env: Environment,
    client: OAuthClient,
    platform: str,
    person: Somebody,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    ann = person()
    code = client.code(api, ann.token, platform)
    pair = client.trade(api, code).json
    client.trade(api, code)
    with env.transaction("user_psql", "migrator") as db:
        rows = [str(db.execute(text(f"select t::text from {table} as t")).all()) for table in ("oauth_codes", "outbox")]
    for each in (code, client.verifier, pair["access_token"], pair["refresh_token"]):
        assert each not in caplog.text + "".join(rows)
