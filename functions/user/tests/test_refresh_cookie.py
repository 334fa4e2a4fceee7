"""A page that keeps its refresh token in a cookie, which its scripts never see."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from werkzeug.http import parse_cookie

from functions.runtime.providers.refresh_cookie import NAME
from testing.clients import Api
from testing.people import Person
from testing.responses import Response

HOST: Final = {"X-Forwarded-Host": "botberi.example.com", "X-Forwarded-Proto": "https"}
PAGE: Final = {**HOST, "Origin": "https://botberi.example.com", "Refresh-Token-In": "cookie"}
"""What a page of this address sends, by way of the edge."""


def log_in(api: Api, somebody: Person, headers: dict[str, str]) -> Response:
    log_in = {"email": somebody.email, "password": somebody.password}
    return api.user.post("/v1/auth/login", json=log_in, headers=headers)


def kept(answer: Response) -> dict[str, str]:
    """Return what the browser sends from then on."""
    value = parse_cookie(answer.headers["Set-Cookie"].partition(";")[0])[NAME]
    return {"Cookie": f"other=1; {NAME}={value}"} if value else {}


def refreshed(api: Api, cookie: dict[str, str], headers: dict[str, str] = PAGE, **body: str) -> Response:
    return api.user.post("/v1/auth/refresh", json=body, headers={**headers, **cookie})


@pytest.fixture
def opened(api: Api, person: Callable[..., Person]) -> Response:
    return log_in(api, person(), PAGE)


def test_the_cookie_is_out_of_the_reach_of_scripts_other_sites_and_other_hosts(opened: Response) -> None:
    assert opened.json["refresh_token"] is None
    value, _, attributes = opened.headers["Set-Cookie"].partition("; ")
    assert value.startswith("__Host-refresh=rt_")
    assert set(attributes.split("; ")) == {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"}


def test_whoever_does_not_ask_for_it_has_the_token_in_the_body(api: Api, person: Callable[..., Person]) -> None:
    answer = log_in(api, person(), {**PAGE, "Refresh-Token-In": ""})
    assert (answer.json["refresh_token"][:3], "Set-Cookie" in answer.headers) == ("rt_", False)


def test_a_page_goes_on_by_its_cookie_which_is_another_each_time(api: Api, opened: Response) -> None:
    following = refreshed(api, kept(opened))
    assert (following.json["refresh_token"], kept(following) == kept(opened)) == (None, False)
    assert api.user.get("/v1/me", token=following.json["access_token"]).status_code == 200
    assert refreshed(api, kept(following)).status_code == 200


def test_a_token_of_the_body_can_be_traded_for_a_cookie(api: Api, person: Callable[..., Person]) -> None:
    pair: dict[str, Any] = log_in(api, person(), {}).json
    answer = refreshed(api, {}, refresh_token=pair["refresh_token"])
    assert (answer.json["refresh_token"], refreshed(api, kept(answer)).status_code) == (None, 200)


def test_nobody_is_logged_in_without_a_cookie(api: Api) -> None:
    answer = refreshed(api, {})
    assert (answer.status_code, answer.text) == (204, "")


@pytest.mark.parametrize("missing", [{"Refresh-Token-In": ""}, {"Refresh-Token-In": "body"}])
def test_without_the_header_the_cookie_counts_for_nothing(api: Api, opened: Response, missing: dict[str, str]) -> None:
    answer = refreshed(api, kept(opened), PAGE | missing)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/refresh_token")


@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example.com", "http://botberi.example.com", "https://botberi.example.com:8443"]
)
def test_a_page_of_another_origin_has_nothing_of_the_cookie(api: Api, opened: Response, origin: str) -> None:
    headers = {**HOST, "Refresh-Token-In": "cookie", **({"Origin": origin} if origin else {})}
    answer = refreshed(api, kept(opened), headers)
    assert (answer.status_code, answer.code) == (403, "other_origin")
    assert refreshed(api, kept(opened)).status_code == 200


def test_no_page_of_another_origin_logs_somebody_in(api: Api, person: Callable[..., Person]) -> None:
    assert log_in(api, person(), PAGE | {"Origin": "https://evil.example.com"}).code == "other_origin"


@pytest.mark.parametrize(("which", "taken"), [("this", True), ("all", True), ("others", False)])
def test_the_logout_takes_the_cookie_away(api: Api, opened: Response, which: str, *, taken: bool) -> None:
    path = f"/v1/auth/logout?sessions={which}"
    answer = api.user.post(path, token=opened.json["access_token"], headers=PAGE)
    assert (answer.status_code, answer.text, "Set-Cookie" in answer.headers) == (204, "", taken)
    if taken:
        assert "; Max-Age=0;" in answer.headers["Set-Cookie"]
        assert kept(answer) == {}


def test_a_cookie_of_a_session_that_has_ended_is_taken_away(api: Api, opened: Response) -> None:
    api.user.post("/v1/auth/logout", token=opened.json["access_token"])
    answer = refreshed(api, kept(opened))
    assert (answer.code, kept(answer)) == ("session_ended", {})
    token = kept(opened)["Cookie"].partition(f"{NAME}=")[2]
    assert "Set-Cookie" not in refreshed(api, {}, {}, refresh_token=token).headers


def test_a_spent_token_in_a_cookie_ends_its_session(api: Api, opened: Response) -> None:
    newest = refreshed(api, kept(refreshed(api, kept(opened))))
    assert refreshed(api, kept(opened)).code == "refresh_token_reused"
    assert refreshed(api, kept(newest)).code == "session_ended"
