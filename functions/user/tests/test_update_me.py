"""What people say of themselves."""

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import text

from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response


def change(api: Api, somebody: Person, changes: Mapping[str, object], etag: str | None = None) -> Response:
    etag = etag or api.user.get("/v1/me", token=somebody.token).headers["ETag"]
    return api.user.patch("/v1/me", json=changes, token=somebody.token, headers={"If-Match": etag})


def said(env: Environment, somebody: Person) -> list[list[str]]:
    """Return the fields of which it was said that they have changed."""
    with env.transaction("user_psql", "relay") as db:
        query = text(
            "select data -> 'fields' from outbox where type = 'com.botberi.account.changed.v1'"
            " and data ->> 'account_id' = :id order by seq"
        )
        return list(db.scalars(query, {"id": somebody.id}))


def test_what_is_given_is_changed_and_null_takes_away(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    ann = person()
    before = api.user.get("/v1/me", token=ann.token).json
    assert [before[name] for name in ("name", "locale", "timezone")] == [None, None, None]
    wanted = {"name": "Ann Éxample", "locale": "de-at", "timezone": "Europe/Vienna"}
    answer = change(api, ann, wanted)
    assert answer.json == before | wanted | {"locale": "de-AT"}
    read = api.user.get("/v1/me", token=ann.token)
    assert (read.json, read.headers["ETag"]) == (answer.json, answer.headers["ETag"])
    assert change(api, ann, {"name": None}).json == answer.json | {"name": None}
    assert said(env, ann) == [["locale", "name", "timezone"], ["name"]]


def test_what_is_so_already_is_no_change(api: Api, person: Callable[..., Person], env: Environment) -> None:
    ann = person()
    first = change(api, ann, {"locale": "zh-hant-tw"})
    second = change(api, ann, {"locale": "ZH-HANT-TW", "name": None})
    assert (first.json["locale"], first.headers["ETag"]) == ("zh-Hant-TW", second.headers["ETag"])
    assert change(api, ann, {}).status_code == 200
    assert said(env, ann) == [["locale"]]


def test_of_two_who_have_read_the_same_one_changes(api: Api, person: Callable[..., Person]) -> None:
    ann = person()
    etag = api.user.get("/v1/me", token=ann.token).headers["ETag"]
    assert change(api, ann, {"name": "Ann"}, etag).status_code == 200
    late = change(api, ann, {"name": "Anne"}, etag)
    assert (late.status_code, late.code) == (412, "account_changed_meanwhile")
    assert api.user.get("/v1/me", token=ann.token).json["name"] == "Ann"
    assert change(api, ann, {"name": "Anne"}, "*").json["name"] == "Anne"


def test_an_etag_is_another_one_when_what_is_shown_is_changed_elsewhere(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    ann = person()
    etag = api.user.get("/v1/me", token=ann.token).headers["ETag"]
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update accounts set verified_at = null where id = :id"), {"id": ann.id})
    assert change(api, ann, {"name": "Ann"}, etag).status_code == 412


def test_without_if_match_nothing_is_changed(api: Api, person: Callable[..., Person]) -> None:
    answer = api.user.patch("/v1/me", json={"name": "Ann"}, token=person().token)
    assert (answer.status_code, answer.code) == (428, "precondition_required")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": "Ann\nExample"}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": 1}, "/name"),
        ({"locale": "german"}, "/locale"),
        ({"locale": "de_AT"}, "/locale"),
        ({"locale": "de-"}, "/locale"),
        ({"locale": "de-a-" + "x" * 9}, "/locale"),
        ({"timezone": "Europe"}, "/timezone"),
        ({"timezone": "Europe/Atlantis"}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"timezone": "posix/Europe/Vienna"}, "/timezone"),
        ({"timezone": "europe/vienna"}, "/timezone"),
        ({"email": "bob@example.com"}, "/email"),
        ({"scopes": ["admin"]}, "/scopes"),
    ],
)
def test_what_can_not_be_is_a_422_at_its_place(
    api: Api, person: Callable[..., Person], changes: dict[str, object], pointer: str
) -> None:
    ann = person()
    answer = change(api, ann, changes)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert api.user.get("/v1/me", token=ann.token).json["name"] is None


@pytest.mark.parametrize(
    "locale", ["en", "gsw-CH", "sl-rozaj-biske-1994", "de-CH-x-phonebk", "es-419", "zh-cmn-Hans-CN"]
)
def test_tags_of_all_forms_are_taken(api: Api, person: Callable[..., Person], locale: str) -> None:
    assert change(api, person(), {"locale": locale}).json["locale"] == locale


def test_a_program_changes_nothing_of_its_owner(api: Api, person: Callable[..., Person], env: Environment) -> None:
    ann = person()
    key = people.api_key(api, env, ann)
    answer = api.user.patch("/v1/me", json={"name": "Bob"}, token=key.text, headers={"If-Match": "*"})
    assert (answer.status_code, answer.code) == (403, "session_required")
    assert api.user.get("/v1/me", token=key.text).json["name"] is None


def test_a_name_is_in_no_event(api: Api, person: Callable[..., Person], env: Environment) -> None:
    change(api, person(), {"name": "Annunziata Canary"})
    with env.transaction("user_psql", "migrator") as db:
        assert "Canary" not in str(db.execute(text("select * from outbox")).all())
