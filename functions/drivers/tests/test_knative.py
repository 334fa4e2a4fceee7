"""The Knative driver: the suite of all drivers, and what is true of Knative alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.http_client import Address
from functions.domain.instances.reasons import Reason
from functions.drivers.base import DriverUnavailable, Phase, StaleToken, VersionDeployment, function_name
from functions.drivers.knative import FENCED_BY, KnativeDriver
from functions.drivers.platform_api import PlatformApi
from functions.drivers.tests.fake_kubernetes import BEARER, NAMESPACE, FakeKubernetes, merged
from functions.drivers.tests.fake_platform import Asked, FakePlatform, image, serving
from functions.drivers.tests.version_suite import (
    IMAGE,
    FaultSuite,
    VersionDriverSuite,
    from_environment,
    tokens,
    version,
)


@pytest.fixture
def platform() -> Iterator[FakeKubernetes]:
    fake = FakeKubernetes()
    with serving(fake):
        yield fake


def driver_of(platform: FakeKubernetes, seconds: float = 20, bearer: str = BEARER) -> KnativeDriver:
    api = PlatformApi(Address(platform.url), lambda: {"Authorization": f"Bearer {bearer}"}, seconds)
    return KnativeDriver(api, NAMESPACE)


@pytest.fixture
def driver(platform: FakeKubernetes) -> KnativeDriver:
    return driver_of(platform)


@pytest.fixture
def hasty(platform: FakeKubernetes) -> KnativeDriver:
    return driver_of(platform, 0.2)


class TestKnativeDriver(VersionDriverSuite, FaultSuite):
    deploys_by = (("POST", "/services"),)

    def put_foreign(self, platform: FakePlatform) -> None:
        assert isinstance(platform, FakeKubernetes)
        platform.services["list-agents"] = {"metadata": {"name": "list-agents", "labels": {}}}


class TestRealKnative(VersionDriverSuite):
    missing = "127.0.0.1:1/missing:1"

    @pytest.fixture
    def driver(self, monkeypatch: pytest.MonkeyPatch) -> KnativeDriver:
        monkeypatch.setenv("DRIVER_URL", from_environment("DRIVERS_KUBERNETES_URL"))
        monkeypatch.setenv("DRIVER_CREDENTIALS", from_environment("DRIVERS_KUBERNETES_CREDENTIALS"))
        type(self).good = from_environment(IMAGE)
        return KnativeDriver.from_settings()


def service_of(platform: FakeKubernetes, version_id: str) -> dict[str, Any]:
    return platform.services[function_name(version_id)]


def test_credentials_are_those_of_a_service_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: FakeKubernetes
) -> None:
    monkeypatch.setenv("DRIVER_URL", f"{platform.url}/")
    monkeypatch.setenv("DRIVER_CREDENTIALS", str(tmp_path))
    (tmp_path / "namespace").write_text(NAMESPACE)
    (tmp_path / "token").write_text("one that has run out")
    driver = KnativeDriver.from_settings()
    with pytest.raises(DriverUnavailable, match="401: Unauthorized"):
        driver.inventory()
    # As Kubernetes does it, now and then.
    (tmp_path / "token").write_text(f"{BEARER}\n")
    assert driver.inventory() == []


def test_a_later_token_is_written_down_without_a_new_revision(driver: KnativeDriver, platform: FakeKubernetes) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    driver.deploy(wanted, 2)
    metadata = service_of(platform, wanted.version_id)["metadata"]
    assert (metadata["annotations"][FENCED_BY], metadata["generation"]) == ("2", 1)
    assert tokens(driver, wanted.version_id) == [2]


def test_other_limits_are_a_new_revision_of_the_same_service(driver: KnativeDriver, platform: FakeKubernetes) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    before = service_of(platform, wanted.version_id)["metadata"]
    driver.deploy(replace(wanted, memory=96), 1)
    after = service_of(platform, wanted.version_id)["metadata"]
    assert (after["uid"], after["generation"]) == (before["uid"], 2)


@pytest.mark.parametrize("limit", [64, 96])
def test_a_service_that_changed_since_it_was_read_is_read_again(
    driver: KnativeDriver, platform: FakeKubernetes, limit: int
) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    platform.restless = 2
    driver.deploy(replace(wanted, memory=limit), 2)
    platform.restless = 2
    driver.remove(wanted.version_id, 2)
    assert driver.inventory() == []


def test_a_service_that_never_rests_is_left_for_later(driver: KnativeDriver, platform: FakeKubernetes) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    platform.restless = 1000
    with pytest.raises(DriverUnavailable, match="keeps changing"):
        driver.deploy(wanted, 2)
    with pytest.raises(DriverUnavailable, match="keeps changing"):
        driver.remove(wanted.version_id, 2)
    assert tokens(driver, wanted.version_id) == [1]


@pytest.mark.parametrize(
    "act", [lambda d, w: d.remove(w.version_id, 1), lambda d, w: d.deploy(replace(w, memory=96), 1)]
)
def test_who_is_overtaken_between_look_and_deed_does_nothing(
    driver: KnativeDriver, platform: FakeKubernetes, act: Callable[[KnativeDriver, VersionDeployment], None]
) -> None:
    wanted = version()
    driver.deploy(wanted, 1)

    def overtake(_: Asked) -> None:
        metadata = service_of(platform, wanted.version_id)["metadata"]
        metadata["annotations"][FENCED_BY] = "2"
        metadata["resourceVersion"] = str(next(platform.versions))

    platform.meanwhile = overtake
    with pytest.raises(StaleToken):
        act(driver, wanted)
    assert tokens(driver, wanted.version_id) == [2]
    assert service_of(platform, wanted.version_id)["metadata"]["generation"] == 1


def test_of_two_who_create_a_service_the_later_token_stays(driver: KnativeDriver, platform: FakeKubernetes) -> None:
    wanted = version()

    def overtake(asked: Asked) -> None:
        theirs = merged(asked.body, {"metadata": {"annotations": {FENCED_BY: "2"}}})
        platform.answer(replace(asked, body=theirs))

    platform.meanwhile = overtake
    with pytest.raises(StaleToken):
        driver.deploy(wanted, 1)
    assert tokens(driver, wanted.version_id) == [2]


def test_a_service_whose_parts_are_still_removed_counts_as_gone(
    driver: KnativeDriver, platform: FakeKubernetes
) -> None:
    platform.lingering = True
    wanted = version()
    driver.deploy(wanted, 1)
    for _ in range(2):
        driver.remove(wanted.version_id, 1)
    assert (driver.observe(wanted.version_id).phase, driver.inventory()) == (Phase.ABSENT, [])
    with pytest.raises(DriverUnavailable, match="still being removed"):
        driver.deploy(wanted, 2)
    platform.services.clear()
    driver.deploy(wanted, 2)


def test_a_change_that_the_controller_has_not_seen_is_no_readiness(
    driver: KnativeDriver, platform: FakeKubernetes
) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    service_of(platform, wanted.version_id)["status"]["observedGeneration"] = 0
    assert driver.observe(wanted.version_id).phase == Phase.DEPLOYING


def test_a_name_that_somebody_else_has_is_left_alone(driver: KnativeDriver, platform: FakeKubernetes) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    service_of(platform, wanted.version_id)["metadata"]["labels"].clear()
    with pytest.raises(DriverUnavailable, match="isn't ours"):
        driver.deploy(wanted, 1)
    with pytest.raises(DriverUnavailable, match="isn't ours"):
        driver.remove(wanted.version_id, 1)
    assert len(platform.services) == 1


def test_a_failure_that_says_nothing_of_image_or_process_is_the_platform_s(
    driver: KnativeDriver, platform: FakeKubernetes
) -> None:
    wanted = replace(version(), image=image("ends"))
    driver.deploy(wanted, 1)
    status = service_of(platform, wanted.version_id)["status"]
    status["conditions"] = [{"type": "Ready", "status": "False", "message": "the quota is used up"}]
    failed = driver.observe(wanted.version_id)
    assert (failed.reason, failed.message) == (Reason.DRIVER_FAILED, "the quota is used up")


def test_only_the_cluster_reaches_a_version_and_it_reaches_no_token(
    driver: KnativeDriver, platform: FakeKubernetes
) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    service = service_of(platform, wanted.version_id)
    spec = service["spec"]["template"]["spec"]
    assert service["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["securityContext"]["runAsNonRoot"] is True


def test_logs_are_the_last_lines_of_every_replica(driver: KnativeDriver) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    assert driver.logs(wanted.version_id, 3) == ["b 2", "b 3", "b 4"]
    assert driver.logs(wanted.version_id, 100)[:2] == ["a 0", "a 1"]
