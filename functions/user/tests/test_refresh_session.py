from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from functions.domain.accounts.refresh_tokens import RefreshToken, new_key
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


@pytest.fixture
def pair(api: Api, person: Callable[..., Person]) -> dict[str, Any]:
    somebody = person()
    opened = api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
    return dict(opened.json)


def refreshed(api: Api, pair: dict[str, Any]) -> Any:
    return api.user.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})


def change_session(env: Environment, pair: dict[str, Any], change: str) -> None:
    session_id = RefreshToken.read(pair["refresh_token"]).session_id
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text(f"update sessions set {change} where id = :id"), {"id": session_id})


def test_a_refresh_gives_a_new_pair_of_the_same_session(api: Api, pair: dict[str, Any]) -> None:
    following = refreshed(api, pair).json
    assert following["refresh_token"] != pair["refresh_token"]
    assert api.user.get("/v1/me", token=following["access_token"]).status_code == 200
    assert refreshed(api, following).status_code == 200


def test_ten_tabs_that_refresh_at_once_stay_logged_in_together(api: Api, pair: dict[str, Any]) -> None:
    with ThreadPoolExecutor(10) as tabs:
        answers = list(tabs.map(lambda _: refreshed(api, pair), range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    assert refreshed(api, answers[0].json).status_code == 200


def test_a_spent_token_ends_its_session_and_says_so(api: Api, pair: dict[str, Any], env: Environment) -> None:
    newest = refreshed(api, refreshed(api, pair).json).json
    stolen = refreshed(api, pair)
    assert (stolen.status_code, stolen.json["code"]) == (401, "refresh_token_reused")
    assert refreshed(api, newest).json["code"] == "session_ended"
    assert api.user.get("/v1/me", token=newest["access_token"]).json["code"] == "session_revoked"
    session_id = RefreshToken.read(pair["refresh_token"]).session_id
    with env.transaction("user_psql", "relay") as db:
        said = db.execute(text("select data ->> 'reason' from outbox where subject = :id"), {"id": session_id})
        assert said.scalars().all() == ["refresh_token_reused"]


@pytest.mark.parametrize("later", ["0 seconds", "1 hour", "29 days"])
def test_whose_answer_was_lost_gets_it_again_whatever_the_time(
    api: Api, pair: dict[str, Any], env: Environment, later: str
) -> None:
    lost = refreshed(api, pair).json
    change_session(env, pair, f"refreshed_at = now() - interval '{later}'")
    again = [refreshed(api, pair).json["refresh_token"] for _ in range(3)]
    assert again == [lost["refresh_token"]] * 3
    assert refreshed(api, lost).status_code == 200


def test_once_the_next_token_was_presented_the_one_before_it_is_spent(api: Api, pair: dict[str, Any]) -> None:
    assert refreshed(api, refreshed(api, pair).json).status_code == 200
    assert refreshed(api, pair).json["code"] == "refresh_token_reused"


def test_a_session_that_was_idle_for_thirty_days_has_ended(api: Api, pair: dict[str, Any], env: Environment) -> None:
    change_session(env, pair, "expires_at = now() - interval '1 second'")
    assert refreshed(api, pair).json["code"] == "session_ended"


def test_every_refresh_gives_a_session_thirty_days(api: Api, pair: dict[str, Any], env: Environment) -> None:
    change_session(env, pair, "expires_at = now() + interval '1 second'")
    session_id = RefreshToken.read(refreshed(api, pair).json["refresh_token"]).session_id
    remaining = text("select expires_at - now() > interval '29 days' from sessions where id = :id")
    with env.transaction("user_psql", "migrator") as db:
        assert db.scalar(remaining, {"id": session_id})


@pytest.mark.parametrize("token", ["x", "rt_", "rt_AAAA", "ünlesbar", "rt_" + "A" * 70, "rt_" + "A" * 91, "A" * 256])
def test_what_is_no_refresh_token_is_refused(api: Api, token: str) -> None:
    answer = refreshed(api, {"refresh_token": token})
    assert (answer.status_code, answer.json["code"]) == (401, "refresh_token_invalid")


def test_a_made_up_token_ends_nobody_s_session(api: Api, pair: dict[str, Any]) -> None:
    session_id = RefreshToken.read(pair["refresh_token"]).session_id
    made_up = refreshed(api, {"refresh_token": str(RefreshToken.first(session_id, new_key()))})
    assert made_up.json["code"] == "refresh_token_invalid"
    assert refreshed(api, pair).status_code == 200


def test_an_access_token_is_no_refresh_token(api: Api, pair: dict[str, Any]) -> None:
    answer = api.user.post("/v1/auth/refresh", json={"refresh_token": pair["access_token"]})
    assert answer.status_code in {401, 422}
