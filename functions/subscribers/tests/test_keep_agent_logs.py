"""What agent hosts hand on is kept once, under numbers without gaps, and within what may be kept."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from events import signing
from functions.domain.instances import log_batches, log_keeping, quotas
from functions.domain.instances.log_batches import Batch, InstanceLines, Line
from functions.jobs import converge
from functions.subscribers.tests.test_pruning import prune
from shared_psql_models.instance_logs import Level, Stream
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person

Launch = Callable[..., Launched]

NOW = datetime.now(UTC)


def written(*texts: str, at: datetime = NOW, level: Level = Level.INFO, message_id: str | None = None) -> list[Line]:
    return [Line(at=at, stream=Stream.STDOUT, level=level, message_id=message_id, text=each) for each in texts]


def hand_on(
    api: Api,
    instance: Launched,
    lines: list[Line],
    *,
    number: int = 1,
    source: str = "",
    secret: str = log_batches.KEYS_NAME,
) -> int:
    """Hand lines on as a host does that has just been started, or as `source`; return the status of the answer."""
    batch = Batch(number=number, logs=[InstanceLines(instance_id=instance.id, lines=lines)])
    keys = signing.Keys(secret).current()
    body, headers = log_batches.request(batch, source or f"/agent-hosts/{uuid.uuid4().hex}", keys)
    return api.subscribers.post(f"/function/{log_batches.FUNCTION}", data=body, headers=headers).status_code


def lines_of(instance: Launched, query: str = "", token: str = "") -> list[dict[str, Any]]:
    """Return the newest lines as their owner reads them, the oldest first."""
    answer = instance.api.user.get(f"{instance.path}/logs?limit=100{query}", token=token or instance.owner.token)
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json["items"]))


def texts_of(instance: Launched, query: str = "") -> list[str]:
    return [each["text"] for each in lines_of(instance, query)]


def usage(instance: Launched) -> dict[str, int]:
    answer = instance.api.user.get("/v1/me/usage", token=instance.owner.token)
    return dict(answer.json["usage"]["log_bytes"])


def test_a_batch_that_comes_again_is_kept_once(api: Api, launch: Launch) -> None:
    instance = launch()
    for number in (1, 1, 2, 1):
        assert hand_on(api, instance, written(f"batch {number}"), number=number, source="/agent-hosts/one") == 200
    assert texts_of(instance) == ["batch 1", "batch 2"]


@pytest.mark.parametrize("secret", [signing.KEYS_NAME, None])
def test_who_is_no_host_adds_nothing(api: Api, launch: Launch, secret: str | None) -> None:
    instance = launch()
    if secret is not None:
        assert hand_on(api, instance, written("forged"), secret=secret) == 401
    else:
        assert api.subscribers.post(f"/function/{log_batches.FUNCTION}", data=b"{}").status_code == 401
    assert texts_of(instance) == []


def test_what_hosts_hand_on_at_once_is_numbered_without_gaps(api: Api, launch: Launch) -> None:
    one, two = launch(), launch()
    with ThreadPoolExecutor(4) as pool:
        told = [(each, written(f"{number} of {each.id}")) for number in range(10) for each in (one, two)]
        assert set(pool.map(lambda each: hand_on(api, *each), told)) == {200}
    for each in (one, two):
        lines = lines_of(each)
        assert [line["sequence"] for line in lines] == list(range(1, 11))
        assert {line["text"] for line in lines} == {f"{number} of {each.id}" for number in range(10)}


def test_beyond_the_day_lines_are_dropped_which_is_said_once(
    api: Api, launch: Launch, monkeypatch: pytest.MonkeyPatch, env: Environment
) -> None:
    monkeypatch.setenv(log_keeping.DAY_SETTING, str(3 * (64 + 1)))
    instance = launch()
    hand_on(api, instance, written(*"abcd"))
    hand_on(api, instance, written(*"ef"))
    *kept, told = lines_of(instance)
    assert [line["text"] for line in kept] == ["a", "b", "c"]
    assert (told["stream"], told["level"]) == ("platform", "warning")
    assert told["text"].startswith("Lines are dropped from here on, until tomorrow")
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text("update instance_log_usage set day = day - 1 where instance_id = :id"), {"id": instance.id})
    hand_on(api, instance, written("g"))
    assert texts_of(instance)[-2:] == ["3 lines were dropped.", "g"]


def test_an_account_has_as_much_of_all_its_logs_as_it_may_have(
    api: Api, launch: Launch, person: Callable[..., Person]
) -> None:
    instance = launch()
    limits = {"limits": {"log_bytes": 2 * (64 + 1)}, "reason": "A test needs it."}
    admin = person(scopes=("user", "admin")).token
    path = f"/v1/admin/accounts/{instance.owner.id}/limits"
    assert api.admin.put(path, json=limits, token=admin, headers={"If-Match": "*"}).status_code == 200
    hand_on(api, instance, written(*"ab"))
    assert usage(instance) == {"used": 130, "limit": 130}
    hand_on(api, instance, written(*"cd"))
    assert texts_of(instance)[:2] == ["a", "b"]
    assert len(texts_of(instance)) == 3
    assert "130 bytes that your account may have" in texts_of(instance)[2]


def test_the_log_goes_with_its_instance_and_what_comes_later_is_not_kept(
    api: Api, launch: Launch, env: Environment
) -> None:
    instance = launch()
    hand_on(api, instance, written("said"))
    instance.ask("delete")
    converge.converge(instance.id)
    assert instance.status == "deleted"
    assert hand_on(api, instance, written("too late")) == 200
    with env.transaction("shared_psql", "migrator") as db:
        count = text("select count(*) from instance_logs where instance_id = :id")
        assert db.scalar(count, {"id": instance.id}) == 0
    assert usage(instance)["used"] == 0


def test_lines_that_are_too_old_are_forgotten_and_make_room(
    api: Api, launch: Launch, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_LOG_DAYS", "3")
    instance = launch()
    hand_on(api, instance, written("old", "new"))
    with env.transaction("shared_psql", "migrator") as db:
        aged = "update instance_logs set at = now() - interval '73 hours' where instance_id = :id and sequence = 1"
        db.execute(text(aged), {"id": instance.id})
    assert prune(api, "shared_psql") == 200
    assert texts_of(instance) == ["new"]
    assert usage(instance)["used"] == 64 + 3
    hand_on(api, instance, written("next"))
    assert [line["sequence"] for line in lines_of(instance)] == [2, 3]


def test_the_level_and_the_message_choose_lines(api: Api, launch: Launch) -> None:
    instance, message = launch(), f"msg_{uuid.uuid4().hex}"
    for level in Level:
        hand_on(api, instance, written(level, level=level))
    hand_on(api, instance, written("asked", message_id=message))
    assert texts_of(instance, "&level=warning") == ["warning", "error", "critical"]
    assert texts_of(instance, f"&message_id={message}") == ["asked"]


def test_pages_go_from_the_newest_to_the_oldest(api: Api, launch: Launch) -> None:
    instance = launch()
    hand_on(api, instance, written(*"abcde"))
    seen, cursor = [], ""
    while True:
        answer = api.user.get(f"{instance.path}/logs?limit=2{cursor}", token=instance.owner.token).json
        seen += [line["text"] for line in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert seen == list("edcba")


def test_somebody_elses_log_is_not_there_and_an_administrator_reads_it(
    api: Api, launch: Launch, person: Callable[..., Person]
) -> None:
    instance = launch()
    hand_on(api, instance, written("said"))
    assert api.user.get(f"{instance.path}/logs", token=person().token).status_code == 404
    path = f"/v1/admin/instances/{instance.id}/logs"
    answer = api.admin.get(path, token=person(scopes=("user", "admin")).token)
    assert [each["text"] for each in answer.json["items"]] == ["said"]
    assert api.admin.get(path, token=instance.owner.token).status_code == 403


def test_the_quota_of_the_installation_holds_without_one_of_its_own(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(quotas.LOG_SETTING, "1234")
    assert usage(launch()) == {"used": 0, "limit": 1234}
