"""The Docker driver: the suite of all drivers, and what is true of Docker alone."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.http_client import Address
from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, DriverUnavailable, Phase, function_name
from functions.drivers.docker import DockerDriver
from functions.drivers.platform_api import PlatformApi
from functions.drivers.pulls import Pulls
from functions.drivers.tests.fake_docker import API, FakeDocker
from functions.drivers.tests.fake_platform import FakePlatform, Fault, image, serving
from functions.drivers.tests.version_suite import (
    IMAGE,
    Eventually,
    FaultSuite,
    VersionDriverSuite,
    deployed,
    from_environment,
    tokens,
    until,
    version,
)


@pytest.fixture
def platform() -> Iterator[FakeDocker]:
    fake = FakeDocker()
    with serving(fake):
        yield fake


def driver_of(platform: FakeDocker, seconds: float = 20, **facts: str) -> DockerDriver:
    return DockerDriver(PlatformApi(Address(platform.url + API), seconds=seconds), "tests", **facts)


@pytest.fixture
def driver(platform: FakeDocker) -> DockerDriver:
    return driver_of(platform)


@pytest.fixture
def hasty(platform: FakeDocker) -> DockerDriver:
    return driver_of(platform, 0.2)


class TestDockerDriver(VersionDriverSuite, FaultSuite):
    deploys_by = (("POST", "/containers/create"), ("POST", "/start"))

    def put_foreign(self, platform: FakePlatform) -> None:
        assert isinstance(platform, FakeDocker)
        DockerDriver(PlatformApi(Address(platform.url + API)), "another installation").deploy(version(), 1)
        platform.containers["postgres"] = {"Config": {"Labels": {}}}


class TestRealDocker(VersionDriverSuite):
    missing = "127.0.0.1:1/missing:1"

    @pytest.fixture
    def driver(self, monkeypatch: pytest.MonkeyPatch) -> DockerDriver:
        if not Path("/var/run/docker.sock").is_socket():
            pytest.skip("no engine is here")
        type(self).good = from_environment(IMAGE)
        monkeypatch.setenv("DRIVER_NAMESPACE", "tests")
        return DockerDriver.from_settings()


def test_settings_say_on_which_socket_the_engine_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRIVER_URL", f"unix://{tmp_path}/engine.sock")
    with pytest.raises(FileNotFoundError):
        DockerDriver.from_settings().inventory()


def test_an_image_that_is_not_here_is_pulled(
    driver: DockerDriver, platform: FakeDocker, eventually: Eventually
) -> None:
    wanted = version("good")
    platform.pulled.clear()
    driver.deploy(wanted, 1)
    until(driver, eventually, wanted, Phase.READY)
    (pull,) = [each for each in platform.asked if each.path == f"{API}/images/create"]
    assert pull.query == {"fromImage": image("good")}


def test_an_image_without_a_tag_is_pulled_in_one_version(driver: DockerDriver, platform: FakeDocker) -> None:
    platform.pulled.clear()
    driver.deploy(replace(version(), image="localhost:5000/agents/good"), 1)
    (pull,) = [each for each in platform.asked if each.path == f"{API}/images/create"]
    assert pull.query == {"fromImage": "localhost:5000/agents/good:latest"}


@pytest.mark.parametrize(
    ("words", "error"),
    [("manifest for x not found", CannotDeployError), ("dial tcp: connection refused", DriverUnavailable)],
)
def test_how_a_pull_ended_is_said_in_its_last_line(
    driver: DockerDriver, platform: FakeDocker, words: str, error: type[Exception]
) -> None:
    platform.pulled.clear()
    platform.pull_ends_with = {"error": words, "errorDetail": {"message": words}}
    with pytest.raises(error, match=words):
        driver.deploy(version(), 1)


def test_a_pull_goes_on_when_a_deployment_waits_no_longer(eventually: Eventually) -> None:
    begun: list[str] = []
    driver_may_go_on = threading.Event()

    def pull(reference: str) -> None:
        begun.append(reference)
        driver_may_go_on.wait(60)

    pulls = Pulls(pull)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            pulls.finish("an image", 0.05)
    driver_may_go_on.set()
    pulls.finish("an image", 60)
    assert begun == ["an image"]


def test_a_pull_that_went_wrong_says_so_once_and_is_begun_again() -> None:
    outcomes = iter([DriverUnavailable("away"), None])

    def pull(_reference: str) -> None:
        if (error := next(outcomes)) is not None:
            raise error

    pulls = Pulls(pull)
    with pytest.raises(DriverUnavailable, match="away"):
        pulls.finish("an image", 60)
    pulls.finish("an image", 60)


def test_a_container_that_was_made_and_never_started_is_not_there(
    driver: DockerDriver, platform: FakeDocker, eventually: Eventually
) -> None:
    wanted = version()
    platform.breaks(Fault.REFUSED, "POST", "/start")
    assert not deployed(driver, wanted)
    assert driver.observe(wanted.version_id).phase == Phase.ABSENT
    assert tokens(driver, wanted.version_id) == [1]
    driver.deploy(wanted, 1)
    until(driver, eventually, wanted, Phase.READY)


def test_a_later_token_renames_what_runs(driver: DockerDriver, platform: FakeDocker) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    (before,) = platform.containers.values()
    driver.deploy(wanted, 2)
    assert platform.containers == {f"{function_name(wanted.version_id)}-2": before}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"ExitCode": 137, "OOMKilled": True}, "it ran out of memory"),
        ({"ExitCode": 127, "Error": "no such command"}, "no such command"),
        ({"ExitCode": 3}, "its process ended with exit code 3"),
    ],
)
def test_how_a_container_ended_is_told(
    driver: DockerDriver, platform: FakeDocker, state: dict[str, object], words: str
) -> None:
    wanted = version("ends")
    driver.deploy(wanted, 1)
    (container,) = platform.containers.values()
    container["State"] |= state
    failed = driver.observe(wanted.version_id)
    assert (failed.phase, failed.reason, failed.message) == (Phase.FAILED, Reason.AGENT_EXITED, words)


def test_in_a_network_containers_have_a_name_and_no_port_of_the_machine(platform: FakeDocker) -> None:
    wanted = version(port=9000)
    driver = driver_of(platform, network="agents")
    driver.deploy(wanted, 1)
    (container,) = platform.containers.values()
    assert container["Config"]["HostConfig"]["NetworkMode"] == "agents"
    assert "PortBindings" not in container["Config"]["HostConfig"]
    alias = {"Aliases": [function_name(wanted.version_id)]}
    assert container["Config"]["NetworkingConfig"] == {"EndpointsConfig": {"agents": alias}}
    # Nobody has that name in this test.
    assert driver.observe(wanted.version_id).phase == Phase.DEPLOYING


def test_a_container_can_do_little(driver: DockerDriver, platform: FakeDocker) -> None:
    driver.deploy(version(), 1)
    (container,) = platform.containers.values()
    host = container["Config"]["HostConfig"]
    assert container["Config"]["User"] == "10001:10001"
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["SecurityOpt"]) == (True, ["ALL"], ["no-new-privileges"])
    assert host["Memory"] == host["MemorySwap"] == 64 * 1024 * 1024
    assert {"Binds", "Mounts", "Privileged"} & set(host) == set()
    assert [each["HostIp"] for each in host["PortBindings"]["8080/tcp"]] == ["127.0.0.1"]


def test_logs_are_the_last_lines_of_both_streams(driver: DockerDriver) -> None:
    wanted = version()
    driver.deploy(wanted, 1)
    assert driver.logs(wanted.version_id, 2) == ["line 3", "line 4"]
