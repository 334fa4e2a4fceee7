"""How well and how long ago somebody has logged in: what a token says of it, and what is asked of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.domain.accounts import access_tokens
from functions.domain.accounts.access_tokens import LEAST, Authentication
from functions.domain.api_errors import ApiError
from functions.runtime.providers import callers
from functions.runtime.providers.callers import (
    LEEWAY_SECONDS,
    RECENT_SECONDS,
    Claims,
    InsufficientAal,
    ReauthenticationRequired,
    RecentAal2User,
    RecentUser,
    User,
)
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


def said(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def claims(aal: int = 1, age: float = 0) -> Claims:
    authentication = Authentication(aal, time.time() - age)
    return callers.claims(access_tokens.issue("usr_1", new_id("ses"), ("user",), authentication))


def test_a_log_in_says_how_and_when_and_a_refresh_says_the_same(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    first = said(somebody.token)
    assert (first["acr"], first["auth_time"]) == ("aal1", pytest.approx(time.time(), abs=60))
    with env.transaction("user_psql", "migrator") as db:
        change = "update sessions set aal = 2, authenticated_at = now() - interval '1 hour' where id = :id"
        db.execute(text(change), {"id": first["sid"]})
    refreshed = api.user.post("/v1/auth/refresh", json={"refresh_token": somebody.refresh_token})
    again = said(refreshed.json["access_token"])
    assert (again["acr"], again["auth_time"]) == ("aal2", pytest.approx(first["auth_time"] - 3600, abs=60))


@pytest.mark.parametrize(
    ("caller", "aal", "age", "refused"),
    [
        (User, 1, 10**9, None),
        (RecentUser, 1, RECENT_SECONDS, None),
        (RecentUser, 2, RECENT_SECONDS + LEEWAY_SECONDS + 2, ReauthenticationRequired),
        (RecentAal2User, 1, 0, InsufficientAal),
        (RecentAal2User, 2, RECENT_SECONDS, None),
        (RecentAal2User, 2, RECENT_SECONDS + LEEWAY_SECONDS + 2, ReauthenticationRequired),
    ],
)
def test_who_calls_has_to_have_logged_in_well_and_lately_enough(
    env: Environment, caller: type[User], aal: int, age: float, refused: type[ApiError] | None
) -> None:
    told = claims(aal, age)
    if refused is None:
        assert caller.of(told).authentication == told.authentication
    else:
        with pytest.raises(refused):
            caller.of(told)


@pytest.mark.parametrize("changes", [{"acr": None}, {"acr": "aal3"}, {"acr": 2}, {"acr": ["aal2"]}, {"auth_time": "0"}])
def test_a_claim_that_is_missing_or_unknown_is_worth_the_least(
    env: Environment, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    encode = jwt.encode

    def changed(payload: dict[str, Any], *args: Any, **more: Any) -> str:
        return encode({key: value for key, value in (payload | changes).items() if value is not None}, *args, **more)

    monkeypatch.setattr(jwt, "encode", changed)
    told = claims(aal=2).authentication
    assert told == (replace(told, at=0) if "auth_time" in changes else replace(LEAST, at=told.at))


def test_what_is_missing_is_told_in_the_words_of_oauth() -> None:
    told = [each.headers["WWW-Authenticate"] for each in (ReauthenticationRequired, InsufficientAal)]
    assert all(each.startswith('Bearer realm="botberi", error="insufficient_user_authentication"') for each in told)
    assert ['max_age="600"' in told[0], 'acr_values="aal2"' in told[1]] == [True, True]
