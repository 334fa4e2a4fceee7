"""Versions that are images come up when they are needed and go when they aren't, on a platform of the test's own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.domain.instances import version_leases
from functions.domain.instances.plan import Action
from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, Observation, Phase, VersionDeployment
from functions.drivers.tests.fake_openfaas import PASSWORD, FakeOpenFaas
from functions.drivers.tests.fake_platform import Fault, image, serving
from functions.jobs import converge, versions
from testing.environment import Environment
from testing.launches import Launched

Launch = Callable[..., Launched]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenFaas]:
    fake = FakeOpenFaas()
    with serving(fake):
        monkeypatch.setenv("DRIVER", "openfaas")
        monkeypatch.setenv("DRIVER_URL", fake.url)
        monkeypatch.setenv("BASIC_AUTH_USER", "admin")
        monkeypatch.setenv("BASIC_AUTH_PASSWORD", PASSWORD)
        monkeypatch.setattr(versions, "POLL", 0.02)
        versions.driver.cache_clear()
        yield fake
    versions.driver.cache_clear()


def deployment_of(instance: Launched, kind: str = "good") -> VersionDeployment:
    return VersionDeployment(instance.row()["version_id"], image(kind))


def bring_up(wanted: VersionDeployment, seconds: float = 120) -> Observation:
    return versions.bring_up(wanted, seconds, lambda: None)


def row_of(env: Environment, version_id: str) -> dict[str, Any]:
    query = text("select deployed_at, url, lease_owner from version_deployments where version_id = :id")
    with env.transaction("shared_psql", "worker") as db:
        return dict(db.execute(query, {"id": version_id}).mappings().one())


def posts(platform: FakeOpenFaas) -> int:
    return sum(each.method == "POST" for each in platform.asked)


def put_away(instance: Launched) -> None:
    """Stop it, as long ago as it takes until its version isn't kept for it any more."""
    seconds = version_leases.KEPT + 1
    instance.put(desired_state="'stopped'", updated_at=f"now() - interval '{seconds} seconds'")


def test_a_version_is_brought_up_and_its_address_noted(
    launch: Launch, env: Environment, platform: FakeOpenFaas
) -> None:
    wanted = deployment_of(launch(image=image("good")))
    seen = bring_up(wanted)
    assert seen.phase == Phase.READY
    row = row_of(env, wanted.version_id)
    assert (row["url"], row["lease_owner"], row["deployed_at"] is None) == (seen.url, None, False)


def test_all_who_need_a_version_at_once_bring_it_up_once(launch: Launch, platform: FakeOpenFaas) -> None:
    wanted = deployment_of(launch(image=image("good")))
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(bring_up, [wanted] * 4))
    assert {each.phase for each in seen} == {Phase.READY}
    assert (posts(platform), len(platform.functions)) == (1, 1)


def test_a_version_that_ends_by_itself_is_deployed_anew_once(launch: Launch, platform: FakeOpenFaas) -> None:
    wanted = deployment_of(launch(image=image("ends")), "ends")
    for deployed in (1, 2):
        seen = bring_up(wanted)
        assert (seen.phase, seen.reason) == (Phase.FAILED, Reason.AGENT_EXITED)
        assert posts(platform) == deployed


def test_a_version_that_the_platform_refuses_is_refused(
    launch: Launch, env: Environment, platform: FakeOpenFaas
) -> None:
    wanted = deployment_of(launch(image=image("missing")), "missing")
    with pytest.raises(CannotDeployError) as refused:
        bring_up(wanted)
    assert refused.value.reason == Reason.IMAGE_UNAVAILABLE
    assert row_of(env, wanted.version_id)["lease_owner"] is None


def test_a_version_that_never_answers_is_not_waited_for_for_ever(launch: Launch, platform: FakeOpenFaas) -> None:
    wanted = deployment_of(launch(image=image("silent")), "silent")
    assert bring_up(wanted, 0.1).phase == Phase.DEPLOYING


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.HALF, Fault.LOST])
def test_trouble_of_the_platform_is_waited_out(launch: Launch, platform: FakeOpenFaas, fault: Fault) -> None:
    wanted = deployment_of(launch(image=image("good")))
    for method in ("GET", "POST"):
        platform.breaks(fault, method)
    assert bring_up(wanted).phase == Phase.READY
    assert len(platform.functions) == 1


def test_who_is_not_to_go_on_leaves_the_version_to_others(
    launch: Launch, env: Environment, platform: FakeOpenFaas
) -> None:
    class LeaseLostError(Exception):
        pass

    calls: list[int] = []

    def keep() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise LeaseLostError

    wanted = deployment_of(launch(image=image("silent")), "silent")
    with pytest.raises(LeaseLostError):
        versions.bring_up(wanted, 120, keep)
    assert row_of(env, wanted.version_id)["lease_owner"] is None


def test_a_version_that_no_instance_uses_is_removed_after_a_while(
    launch: Launch, env: Environment, platform: FakeOpenFaas
) -> None:
    instance = launch(image=image("good"))
    wanted = deployment_of(instance)
    bring_up(wanted)
    versions.sweep()
    instance.put(desired_state="'stopped'", updated_at="now()")
    versions.sweep()
    assert len(platform.functions) == 1
    put_away(instance)
    versions.sweep()
    assert platform.functions == {}
    assert row_of(env, wanted.version_id) == {"deployed_at": None, "url": None, "lease_owner": None}


def test_a_version_that_serves_until_another_answers_stays(
    launch: Launch, env: Environment, platform: FakeOpenFaas
) -> None:
    instance = launch(image=image("good"))
    bring_up(deployment_of(instance))
    other = launch(image=image("good")).row()["version_id"]
    instance.put(version_id=f"'{other}'", generation="2", updated_at="now() - interval '1 day'")
    versions.sweep()
    assert len(platform.functions) == 1
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text("delete from instance_specs where instance_id = :id"), {"id": instance.id})
    versions.sweep()
    assert platform.functions == {}


def test_a_version_that_is_needed_again_when_it_is_to_be_removed_stays(
    launch: Launch, platform: FakeOpenFaas, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = launch(image=image("good"))
    wanted = deployment_of(instance)
    bring_up(wanted)
    monkeypatch.setattr(version_leases, "unused", lambda *_: [wanted.version_id])
    assert versions.sweep() == 0
    assert len(platform.functions) == 1


def test_a_removal_that_went_wrong_is_tried_again(launch: Launch, platform: FakeOpenFaas) -> None:
    instance = launch(image=image("good"))
    bring_up(deployment_of(instance))
    put_away(instance)
    platform.breaks(Fault.REFUSED, "DELETE")
    versions.sweep()
    assert len(platform.functions) == 1
    versions.sweep()
    assert platform.functions == {}


def test_what_nobody_knows_of_is_removed_when_it_is_old(launch: Launch, platform: FakeOpenFaas) -> None:
    stopped = launch(image=image("good"))
    put_away(stopped)
    late = deployment_of(stopped)
    versions.driver().deploy(late, 1)
    versions.sweep_orphans()
    assert len(platform.functions) == 1
    (function,) = platform.functions.values()
    function["createdAt"] = "2026-01-01T00:00:00Z"
    versions.sweep_orphans()
    assert platform.functions == {}


def test_what_the_catalog_does_not_have_is_left_alone(env: Environment, platform: FakeOpenFaas) -> None:
    platform.age = timedelta(days=1)
    versions.driver().deploy(VersionDeployment(new_id("ver"), image("good")), 1)
    assert versions.sweep_orphans() == 0
    assert len(platform.functions) == 1


def test_without_a_driver_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVER", "none")
    assert (versions.sweep(), versions.sweep_orphans()) == (0, 0)


def test_an_instance_of_an_image_runs_answers_and_stops(
    launch: Launch, platform: FakeOpenFaas, agent_host: str
) -> None:
    instance = launch(image=image("good"), config={"greeting": "hello"})
    converge.converge(instance.id)
    assert instance.statuses()[-1] == "running"
    assert instance.say("world").json["text"] == "hello world"
    platform.functions.clear()
    platform.snapshots.clear()
    assert instance.say("world").json["status"] == "failed"
    # Nobody looks after what rests: the message has, and what is gone is deployed anew.
    converge.converge(instance.id)
    assert instance.say("world").json["text"] == "hello world"
    instance.ask("stop")
    converge.converge(instance.id)
    assert instance.status == "stopped"


def test_what_an_instance_is_to_become_has_the_time_to_be_deployed(
    launch: Launch, platform: FakeOpenFaas, agent_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, other = launch(image=image("good")), launch(image=image("good"))
    converge.converge(instance.id)
    instance.put(version_id=f"'{other.row()['version_id']}'", generation="2", due_at="now()")
    # No longer than an agent takes that is there to answer.
    monkeypatch.setitem(converge.SECONDS, Action.VERIFY, 0)
    converge.converge(instance.id)
    assert (instance.read()["reason"], len(platform.functions)) == ("updated", 2)


@pytest.mark.parametrize(("kind", "words"), [("missing", "can't be fetched"), ("refused", "refuses it")])
def test_an_instance_says_why_its_image_does_not_run(
    launch: Launch, platform: FakeOpenFaas, agent_host: str, kind: str, words: str
) -> None:
    instance = launch(image=image(kind))
    converge.converge(instance.id)
    assert instance.status == "failed"
    assert words in instance.read()["message"]
