"""What belongs to somebody is numbered: one after another, without gaps, each event once."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from core.ids import new_id
from core.postgres.session import Session
from events.catalog.owners import owned_types
from functions.domain import account_events, pruning
from functions.domain.databases import SharedDb
from testing.clients import Api
from testing.environment import Environment


def an_event(owner: str, **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": "/botberi/shared_psql",
        "type": "com.botberi.instance.status_changed.v1",
        "subject": "ins_1",
        "time": "2026-01-01T00:00:00Z",
        "data": {"instance_id": "ins_1", "owner_id": owner, "status": "running", "message": "Läuft."},
    } | attributes


def keep(api: Api, event: dict[str, Any]) -> int:
    return int(api.deliver("keep_account_event", event).status_code)


def kept(env: Environment, owner: str) -> list[tuple[int, str]]:
    with env.transaction("shared_psql", "gateway") as db:
        found = text("select sequence, event from account_events where owner_id = :owner order by 1")
        return [(number, json.loads(event)["id"]) for number, event in db.execute(found, {"owner": owner})]


def test_an_account_s_events_are_numbered_in_the_order_in_which_they_come(api: Api, env: Environment) -> None:
    owner, events = new_id("usr"), [an_event("") for _ in range(3)]
    for event in events:
        event["data"]["owner_id"] = owner
        assert [keep(api, event), keep(api, event)] == [200, 200]
    assert kept(env, owner) == [(number, event["id"]) for number, event in enumerate(events, 1)]


def test_those_that_come_at_once_get_numbers_without_gaps(api: Api, env: Environment) -> None:
    owner = new_id("usr")
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: keep(api, an_event(owner)), range(12))) == {200}
    assert [number for number, _ in kept(env, owner)] == list(range(1, 13))


def test_several_accounts_events_of_one_call_are_numbered_each_in_its_order(api: Api, env: Environment) -> None:
    ann, ben = new_id("usr"), new_id("usr")
    assert keep(api, before := an_event(ann)) == 200
    events = [an_event(owner) for owner in (ben, ann, ann, ben, ann)]
    assert [api.deliver("keep_account_event", *events).status_code for _ in range(2)] == [200, 200]
    ids = [each["id"] for each in events]
    assert kept(env, ann) == [(1, before["id"]), (2, ids[1]), (3, ids[2]), (4, ids[4])]
    assert kept(env, ben) == [(1, ids[0]), (2, ids[3])]


def test_batches_of_the_same_accounts_at_once_wait_for_each_other(api: Api, env: Environment) -> None:
    owners = [new_id("usr") for _ in range(5)]
    batches = [[an_event(owner) for owner in (owners if turn % 2 else owners[::-1])] for turn in range(12)]
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda batch: api.deliver("keep_account_event", *batch).status_code, batches)
        assert set(answers) == {200}
    for owner in owners:
        assert [number for number, _ in kept(env, owner)] == list(range(1, 13))


@pytest.mark.parametrize("change", [{"source": "/example/crm"}, {"source": "/botberi/user_psql"}, {"data": {}}])
def test_what_is_not_from_where_it_should_be_or_names_nobody_is_refused(api: Api, change: dict[str, Any]) -> None:
    assert keep(api, an_event(new_id("usr"), **change)) == 422


def test_other_types_are_not_its_own(api: Api) -> None:
    assert "com.botberi.agent.created.v1" not in owned_types()
    event = an_event("usr_1", type="com.botberi.agent.created.v1", data={"agent_id": "agt_1", "slug": "x"})
    assert keep(api, event) == 422


def test_what_is_too_old_is_forgotten_from_the_first_on(
    api: Api, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_id("usr")
    for _ in range(4):
        keep(api, an_event(owner))
    with env.transaction("shared_psql", "migrator") as db:
        aged = "update account_events set at = at - interval '8 days' where owner_id = :owner and sequence < 4"
        db.execute(text(aged), {"owner": owner})
    for batch, left in ((2, [3, 4]), (2, [4]), (2, [4])):
        monkeypatch.setattr(pruning, "BATCH", batch)
        with env.transaction("shared_psql", "subscribers") as db:
            pruning.forget_account_events(SharedDb(db))
        assert [number for number, _ in kept(env, owner)] == left
    keep(api, an_event(owner))
    assert [number for number, _ in kept(env, owner)] == [4, 5]


@pytest.mark.parametrize("statement", ["update account_events set event = ''", "delete from account_events"])
@pytest.mark.parametrize("role", ["gateway", "subscribers", "user", "admin", "worker"])
def test_nobody_changes_what_is_numbered(env: Environment, statement: str, role: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), env.transaction("shared_psql", role) as db:
        db.execute(text(statement))


def test_listeners_are_told_whose_it_is(api: Api) -> None:
    owner = new_id("usr")
    with closing(Session("shared_psql", "gateway", name="tests")) as session:
        session.run(f"listen {account_events.CHANNEL}")
        keep(api, an_event(owner))
        assert session.notifications() == [(account_events.CHANNEL, owner)]
