from collections.abc import Callable
from typing import Any

import pytest

from core.ids import new_id
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched


@pytest.fixture
def instance(launch: Callable[..., Launched], nothing_stopped: None) -> Launched:
    return launch()


def account(api: Api, account_id: str, happened: str, event_id: str | None = None) -> int:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id or new_id("evt"),
        "source": "/botberi/user_psql",
        "type": f"com.botberi.account.{happened}.v1",
        "subject": account_id,
        "time": "2026-01-01T00:00:00Z",
        "actor": "usr_operator",
        "data": {"account_id": account_id, "reason": "They sent spam."},
    }
    return api.deliver("suspend_instances", event).status_code


def engaged(env: Environment) -> list[tuple[Any, ...]]:
    with env.transaction("shared_psql", "admin") as db:
        query = "select scope, target, engaged_by, released_at is null from kill_switches order by id"
        return [tuple(row) for row in db.exec_driver_sql(query)]


def test_nothing_of_an_account_is_started_for_as_long_as_it_is_suspended(
    api: Api, env: Environment, instance: Launched
) -> None:
    owner = instance.owner.id
    assert [account(api, owner, "suspended", "evt_1") for _ in range(2)] == [200, 200]
    assert account(api, owner, "suspended") == 200
    assert engaged(env) == [("suspension", owner, "usr_operator", True)]
    refused = instance.ask("start")
    assert (refused.code, refused.json["detail"].partition(": ")[2]) == (
        "stopped_by_operator",
        "The account is suspended.",
    )
    assert account(api, owner, "restored") == 200
    assert engaged(env) == [("suspension", owner, "usr_operator", False)]
    assert instance.ask("start").status_code == 202
    assert account(api, owner, "restored") == 200


def test_a_switch_that_an_operator_engaged_outlasts_a_suspension(
    api: Api, env: Environment, instance: Launched, person: Callable[..., Any]
) -> None:
    owner, administrator = instance.owner.id, person(("user", "admin"))
    wanted = {"scope": "owner", "owner_id": owner, "reason": "x"}
    assert api.admin.post("/v1/admin/kill-switches", json=wanted, token=administrator.token).status_code == 201
    account(api, owner, "suspended")
    account(api, owner, "restored")
    assert [(scope, still) for scope, _, _, still in engaged(env)] == [("owner", True), ("suspension", False)]
    assert instance.ask("start").code == "stopped_by_operator"
