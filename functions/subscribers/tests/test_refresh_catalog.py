"""Whatever changes the catalog shows at once."""

from typing import Any

import pytest

from core.ids import new_id
from functions.domain.catalog.tests.making import an_agent, change
from testing.clients import Api
from testing.environment import Environment
from tools.local.ports import free_ports

RETIRED = {"agent_id": "agt_1", "version_id": "ver_1", "slug": "x", "number": "1.0.0", "reason": "Old."}

DATA: dict[str, dict[str, Any]] = {
    "com.botberi.agent.created.v1": {"agent_id": "agt_1", "slug": "x"},
    "com.botberi.agent.changed.v1": {"agent_id": "agt_1", "slug": "x", "fields": ["name"]},
    "com.botberi.version.published.v1": {
        "agent_id": "agt_1",
        "version_id": "ver_1",
        "slug": "x",
        "number": "1.0.0",
        "channels": [],
    },
    "com.botberi.version.deprecated.v1": RETIRED,
    "com.botberi.version.yanked.v1": RETIRED,
    "com.botberi.version.restored.v1": RETIRED,
    "com.botberi.channel.moved.v1": {
        "agent_id": "agt_1",
        "slug": "x",
        "channel": "stable",
        "kind": "moved",
        "number": "1.1.0",
        "previous_number": "1.0.0",
        "candidate_number": None,
        "candidate_percent": None,
        "reason": "",
    },
}


def an_event(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": "/botberi/shared_psql",
        "type": kind,
        "subject": "agt_1",
        "time": "2026-01-01T00:00:00Z",
        "data": data,
    }


@pytest.mark.parametrize("kind", DATA)
def test_after_the_event_readers_see_the_change(api: Api, env: Environment, kind: str) -> None:
    slug = an_agent(env, name="Before")
    assert api.user.get(f"/v1/agents/{slug}").json["name"] == "Before"
    change(env, slug, name="After")
    assert api.deliver("refresh_catalog", an_event(kind, DATA[kind])).status_code == 200
    assert api.user.get(f"/v1/agents/{slug}").json["name"] == "After"


def test_without_redis_it_asks_to_be_called_again(api: Api, env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    env.disconnect()
    monkeypatch.setenv("USER_REDIS_URL", f"127.0.0.1:{free_ports(1)[0]}")
    kind, data = next(iter(DATA.items()))
    assert api.deliver("refresh_catalog", an_event(kind, data)).status_code == 503
    env.disconnect()


def test_other_events_and_other_data_are_poison(api: Api) -> None:
    other = an_event("com.botberi.account.registered.v1", {"account_id": "usr_1"})
    bent = an_event("com.botberi.agent.created.v1", {"agent_id": "agt_1"})
    assert [api.deliver("refresh_catalog", event).status_code for event in (other, bent)] == [422, 422]
