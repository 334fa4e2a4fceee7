"""`botberi publishers`, as people use it."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.__main__ import botberi
from testing.clients import Api
from testing.environment import Environment

EVENT = {"type": "com.botberi.notice.posted.v1", "data": {"notice_id": "n", "text": "t"}}


def run(*words: str, ends_with: int = 0) -> str:
    done = CliRunner().invoke(botberi, ["publishers", *words])
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.stdout if ends_with == 0 else done.output


def said(env: Environment, publisher: str) -> list[tuple[str, str]]:
    """Return the events about a publisher, as type and actor."""
    with env.transaction("shared_psql", "relay") as db:
        rows = db.execute(text("select type, actor from outbox where subject = :id order by seq"), {"id": publisher})
        return [(row.type, row.actor.partition(":")[0]) for row in rows]


@pytest.mark.usefixtures("env")
def test_a_publisher_is_made_listed_given_another_key_and_ended(api: Api, env: Environment) -> None:
    def status(key: str) -> int:
        return api.broker.post("/v1/events", json=EVENT, token=key).status_code

    first = run("create", "crm", "--source", "/example/crm", "--scope", "records").strip()
    [line] = [line.split() for line in run("list").splitlines() if line.startswith("crm ")]
    assert line[2:5] == ["/example/crm", "all", "records"]
    assert status(first) == 202
    second = run("rotate", "crm", "--overlap", "0").strip()
    assert [status(first), status(second)] == [401, 202]
    run("revoke", "crm", "--reason", "A test.")
    assert status(second) == 401
    assert "revoked" in run("list")
    kinds = ("publisher.created", "publisher_key.rotated", "publisher.revoked")
    assert said(env, line[1]) == [(f"com.botberi.{kind}.v1", "command-line") for kind in kinds]
    with env.transaction("shared_psql", "relay") as db:
        everything = json.dumps([dict(row) for row in db.execute(text("select * from outbox")).mappings()], default=str)
    assert not {first, second} & set(everything.split('"'))


@pytest.mark.usefixtures("env")
def test_what_can_not_be_is_told_in_a_line() -> None:
    assert "looks like one of Botberi's own" in run("create", "bad", "--source", "/botberi/x", ends_with=1)
    assert "no type that others may publish" in run(
        "create", "bad", "--source", "/example/x", "--type", "com.botberi.session.revoked.v1", ends_with=1
    )
    assert "no such publisher" in run("revoke", "nobody", "--reason", "A test.", ends_with=1)
