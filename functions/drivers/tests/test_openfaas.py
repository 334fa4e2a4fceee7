"""The OpenFaaS driver: the suite of all drivers, and what is true of OpenFaaS alone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from core.http_client import Address
from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, DriverUnavailable, Phase, StaleToken, function_name
from functions.drivers.openfaas import OpenFaasDriver
from functions.drivers.platform_api import PlatformApi
from functions.drivers.tests.fake_openfaas import AUTHORIZATION, NAMESPACE, PASSWORD, FakeOpenFaas
from functions.drivers.tests.fake_platform import FakePlatform, image, serving
from functions.drivers.tests.version_suite import (
    IMAGE,
    Eventually,
    FaultSuite,
    VersionDriverSuite,
    from_environment,
    tokens,
    until,
    version,
)


@pytest.fixture
def platform() -> Iterator[FakeOpenFaas]:
    fake = FakeOpenFaas()
    with serving(fake):
        yield fake


def driver_of(platform: FakeOpenFaas, seconds: float = 20, authorization: str = AUTHORIZATION) -> OpenFaasDriver:
    api = PlatformApi(Address(platform.url), lambda: {"Authorization": authorization}, seconds)
    return OpenFaasDriver(api, NAMESPACE)


@pytest.fixture
def driver(platform: FakeOpenFaas) -> OpenFaasDriver:
    return driver_of(platform)


@pytest.fixture
def hasty(platform: FakeOpenFaas) -> OpenFaasDriver:
    return driver_of(platform, 0.2)


class TestOpenFaasDriver(VersionDriverSuite, FaultSuite):
    deploys_by = (("POST", "/system/functions"),)

    def put_foreign(self, platform: FakePlatform) -> None:
        assert isinstance(platform, FakeOpenFaas)
        platform.functions["list-agents"] = {"name": "list-agents", "image": image("good"), "labels": None}


class TestRealOpenFaas(VersionDriverSuite):
    missing = "127.0.0.1:1/missing:1"

    @pytest.fixture
    def driver(self, monkeypatch: pytest.MonkeyPatch) -> OpenFaasDriver:
        monkeypatch.setenv("DRIVER_URL", from_environment("DRIVERS_OPENFAAS_URL"))
        type(self).good = from_environment(IMAGE)
        return OpenFaasDriver.from_settings()


def test_settings_say_which_gateway_and_secrets_who_asks(
    monkeypatch: pytest.MonkeyPatch, platform: FakeOpenFaas
) -> None:
    monkeypatch.setenv("DRIVER_URL", f"{platform.url}/")
    monkeypatch.setenv("BASIC_AUTH_USER", "admin")
    monkeypatch.setenv("BASIC_AUTH_PASSWORD", PASSWORD)
    assert OpenFaasDriver.from_settings().inventory() == []


def test_a_gateway_that_knows_us_not_is_no_reason_to_give_a_version_up(platform: FakeOpenFaas) -> None:
    with pytest.raises(DriverUnavailable, match="401: invalid credentials"):
        driver_of(platform, authorization="Basic none").deploy(version(), 1)


@pytest.mark.parametrize(
    "words", ["unable to pull image x: dial tcp 10.0.0.1:443: connection refused", "namespace not valid"]
)
def test_what_is_the_platform_s_own_trouble_is_tried_again(
    driver: OpenFaasDriver, platform: FakeOpenFaas, words: str
) -> None:
    platform.words = words
    with pytest.raises(DriverUnavailable, match="400"):
        driver.deploy(version(), 1)


def test_a_port_that_openfaas_does_not_call_is_refused(driver: OpenFaasDriver) -> None:
    with pytest.raises(CannotDeployError, match="port 8080 alone"):
        driver.deploy(version(port=9000), 1)


def test_what_is_left_of_a_deletion_by_halves_is_cleared_away(driver: OpenFaasDriver, platform: FakeOpenFaas) -> None:
    wanted = version()
    platform.snapshots.add(f"{function_name(wanted.version_id)}-1")
    with pytest.raises(DriverUnavailable, match="already exists"):
        driver.deploy(wanted, 1)
    driver.deploy(wanted, 1)
    assert driver.observe(wanted.version_id).phase == Phase.READY


def test_a_function_that_appears_while_it_is_created_is_taken(
    driver: OpenFaasDriver, platform: FakeOpenFaas, eventually: Eventually
) -> None:
    wanted = version()
    # As when faasd has gone on pulling for a call that waits no more.
    platform.meanwhile = platform.answer
    driver.deploy(wanted, 1)
    until(driver, eventually, wanted, Phase.READY)
    assert "DELETE" not in {each.method for each in platform.asked}


def test_a_function_without_a_process_is_given_a_moment(driver: OpenFaasDriver, platform: FakeOpenFaas) -> None:
    wanted = version("ends")
    platform.age = timedelta()
    driver.deploy(wanted, 1)
    assert driver.observe(wanted.version_id).phase == Phase.DEPLOYING


def test_kubernetes_starts_again_what_has_ended(driver: OpenFaasDriver, platform: FakeOpenFaas) -> None:
    platform.kubernetes = True
    wanted = version("ends")
    for _ in range(2):
        driver.deploy(wanted, 1)
    assert driver.observe(wanted.version_id).phase == Phase.DEPLOYING


def test_nothing_is_ever_updated(driver: OpenFaasDriver, platform: FakeOpenFaas, eventually: Eventually) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    # A missing image would take what runs with it.
    with pytest.raises(CannotDeployError) as refused:
        driver.deploy(replace(wanted, image=image("missing")), 2)
    assert refused.value.reason == Reason.IMAGE_UNAVAILABLE
    until(driver, eventually, wanted, Phase.READY)
    assert {each.method for each in platform.asked} <= {"GET", "POST", "DELETE"}


def test_who_looked_too_early_can_remove_nothing_later(driver: OpenFaasDriver, platform: FakeOpenFaas) -> None:
    wanted = version()
    driver.deploy(wanted, 6)
    (seen,) = driver.of(wanted.version_id)
    driver.remove(wanted.version_id, 7)
    driver.deploy(wanted, 7)
    driver.delete(seen.name)
    assert tokens(driver, wanted.version_id) == [7]
    with pytest.raises(StaleToken):
        driver.remove(wanted.version_id, 6)


def test_nothing_secret_is_among_what_the_provider_logs(driver: OpenFaasDriver, platform: FakeOpenFaas) -> None:
    driver.deploy(version(), 1)
    (posted,) = [each.body for each in platform.asked if each.method == "POST"]
    assert set(posted["envVars"]) == {"PORT", "read_timeout", "write_timeout", "exec_timeout"}


def test_logs_are_the_last_lines(driver: OpenFaasDriver) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    assert driver.logs(wanted.version_id, 2) == ["line 3", "line 4"]
