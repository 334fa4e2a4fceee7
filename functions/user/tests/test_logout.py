from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


def test_after_the_logout_the_tokens_of_the_session_are_worth_nothing(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    login = {"email": somebody.email, "password": somebody.password}
    pair = api.user.post("/v1/auth/login", json=login).json
    ended = api.user.post("/v1/auth/logout", token=pair["access_token"])
    assert (ended.status_code, ended.text, "Content-Type" in ended.headers) == (204, "", False)
    assert api.user.get("/v1/me", token=pair["access_token"]).json["code"] == "session_revoked"
    answer = api.user.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert (answer.status_code, answer.json["code"]) == (401, "session_ended")


def test_other_sessions_of_the_account_go_on(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    login = {"email": somebody.email, "password": somebody.password}
    other = api.user.post("/v1/auth/login", json=login).json
    api.user.post("/v1/auth/logout", token=somebody.token)
    assert api.user.get("/v1/me", token=other["access_token"]).status_code == 200


def test_two_logouts_at_once_are_said_once(api: Api, person: Callable[..., Person], env: Environment) -> None:
    somebody = person()
    with ThreadPoolExecutor(2) as tabs:
        answers = tabs.map(lambda _: api.user.post("/v1/auth/logout", token=somebody.token), range(2))
    assert {answer.status_code for answer in answers} <= {204, 401}
    with env.transaction("user_psql", "relay") as db:
        said = db.execute(text("select data from outbox where data ->> 'account_id' = :id"), {"id": somebody.id})
        assert [data["reason"] for data in said.scalars() if "reason" in data] == ["logged_out"]


def test_a_logout_outlasts_the_access_tokens_of_its_session(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    api.user.post("/v1/auth/logout", token=somebody.token)
    statement = text(
        "select cast(data ->> 'expires_at' as timestamptz) - now() > interval '10 minutes' from outbox"
        " where type = 'com.botberi.session.revoked.v1' and data ->> 'account_id' = :id"
    )
    with env.transaction("user_psql", "relay") as db:
        assert db.execute(statement, {"id": somebody.id}).scalars().all() == [True]
