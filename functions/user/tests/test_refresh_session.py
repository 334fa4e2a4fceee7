from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from functions.domain.accounts.refresh_tokens import RefreshToken
from functions.local.testing.clients import Api
from functions.local.testing.people import Person
from functions.local.testing.world import World


@pytest.fixture
def pair(api: Api, person: Callable[..., Person]) -> dict[str, Any]:
    somebody = person()
    opened = api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
    return dict(opened.json)


def refreshed(api: Api, pair: dict[str, Any]) -> Any:  # noqa: ANN401 - an answer of the fixture
    return api.user.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})


def change_session(world: World, pair: dict[str, Any], change: str) -> None:
    session_id = RefreshToken.read(pair["refresh_token"]).session_id
    with world.transaction("user_psql", "migrator") as db:
        db.execute(text(f"update sessions set {change} where id = :id"), {"id": session_id})  # noqa: S608 - a test's own


def test_a_refresh_gives_a_new_pair_of_the_same_session(api: Api, pair: dict[str, Any]) -> None:
    following = refreshed(api, pair).json
    assert following["refresh_token"] != pair["refresh_token"]
    assert api.user.get("/v1/me", token=following["access_token"]).status_code == 200
    assert refreshed(api, following).status_code == 200


def test_two_tabs_that_refresh_at_once_stay_logged_in_together(api: Api, pair: dict[str, Any]) -> None:
    with ThreadPoolExecutor(2) as tabs:
        answers = list(tabs.map(lambda _: refreshed(api, pair), range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json["refresh_token"] == answers[1].json["refresh_token"]
    assert refreshed(api, answers[0].json).status_code == 200


def test_a_spent_token_ends_its_session_and_says_so(api: Api, pair: dict[str, Any], world: World) -> None:
    newest = refreshed(api, refreshed(api, pair).json).json
    stolen = refreshed(api, pair)
    assert (stolen.status_code, stolen.json["code"]) == (401, "refresh_token_reused")
    assert refreshed(api, newest).json["code"] == "session_ended"
    assert api.user.get("/v1/me", token=newest["access_token"]).json["code"] == "session_revoked"
    session_id = RefreshToken.read(pair["refresh_token"]).session_id
    with world.transaction("user_psql", "relay") as db:
        said = db.execute(text("select data ->> 'reason' from outbox where subject = :id"), {"id": session_id})
        assert said.scalars().all() == ["refresh_token_reused"]


def test_after_ten_seconds_the_token_before_is_spent_too(api: Api, pair: dict[str, Any], world: World) -> None:
    refreshed(api, pair)
    change_session(world, pair, "refreshed_at = now() - interval '11 seconds'")
    assert refreshed(api, pair).json["code"] == "refresh_token_reused"


def test_a_session_that_was_idle_for_thirty_days_has_ended(api: Api, pair: dict[str, Any], world: World) -> None:
    change_session(world, pair, "expires_at = now() - interval '1 second'")
    assert refreshed(api, pair).json["code"] == "session_ended"


def test_every_refresh_gives_a_session_thirty_days(api: Api, pair: dict[str, Any], world: World) -> None:
    change_session(world, pair, "expires_at = now() + interval '1 second'")
    session_id = RefreshToken.read(refreshed(api, pair).json["refresh_token"]).session_id
    remaining = text("select expires_at - now() > interval '29 days' from sessions where id = :id")
    with world.transaction("user_psql", "migrator") as db:
        assert db.scalar(remaining, {"id": session_id})


@pytest.mark.parametrize("token", ["x", "rt_", "rt_AAAA", "ünlesbar", "rt_" + "A" * 70, "A" * 256])
def test_what_is_no_refresh_token_is_refused(api: Api, token: str) -> None:
    answer = refreshed(api, {"refresh_token": token})
    assert (answer.status_code, answer.json["code"]) == (401, "refresh_token_invalid")


def test_a_made_up_token_ends_nobody_s_session(api: Api, pair: dict[str, Any]) -> None:
    session_id = RefreshToken.read(pair["refresh_token"]).session_id
    made_up = refreshed(api, {"refresh_token": str(RefreshToken.first(session_id))})
    assert made_up.json["code"] == "refresh_token_invalid"
    assert refreshed(api, pair).status_code == 200


def test_an_access_token_is_no_refresh_token(api: Api, pair: dict[str, Any]) -> None:
    answer = api.user.post("/v1/auth/refresh", json={"refresh_token": pair["access_token"]})
    assert answer.status_code in {401, 422}
