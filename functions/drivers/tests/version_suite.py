"""What every driver of versions must do. A driver's own test class inherits from this one, once for a platform of the
tests' own, and once for a real one where the environment names one.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Final

import pytest

from core.ids import new_id
from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, Observation, Phase, StaleToken, VersionDeployment, VersionDriver
from functions.drivers.tests.fake_platform import FakePlatform, Fault, image

Eventually = Callable[..., Any]

IMAGE: Final = "DRIVERS_IMAGE"
"""The environment variable with an image for real platforms, which answers /_/health."""


def version(kind: str = "good", **facts: int) -> VersionDeployment:
    return VersionDeployment(new_id("ver"), image(kind), memory=64, **facts)


def until(driver: VersionDriver, eventually: Eventually, wanted: VersionDeployment, phase: Phase) -> Observation:
    seen: list[Observation] = []

    def look() -> bool:
        seen.append(driver.observe(wanted.version_id))
        return seen[-1].phase == phase

    eventually(look)
    return seen[-1]


def tokens(driver: VersionDriver, version_id: str) -> list[int]:
    return [each.token for each in driver.inventory() if each.version_id == version_id]


class VersionDriverSuite:
    """Inherit, and provide a fixture `driver`. Real platforms, which keep what isn't removed, are left as they were."""

    good: ClassVar = image("good")
    missing: ClassVar = image("missing")

    def version(self) -> VersionDeployment:
        return replace(version(), image=self.good)

    def test_what_was_never_deployed_is_absent(self, driver: VersionDriver) -> None:
        nothing = new_id("ver")
        assert driver.observe(nothing) == Observation(Phase.ABSENT)
        assert (tokens(driver, nothing), driver.logs(nothing, 10)) == ([], [])
        driver.remove(nothing, 1)

    def test_what_is_deployed_becomes_ready_and_is_gone_when_it_is_removed(
        self, driver: VersionDriver, eventually: Eventually
    ) -> None:
        wanted = self.version()
        driver.deploy(wanted, 1)
        assert (until(driver, eventually, wanted, Phase.READY).url or "").startswith("http://")
        for _ in range(2):
            driver.remove(wanted.version_id, 1)
            until(driver, eventually, wanted, Phase.ABSENT)
        assert tokens(driver, wanted.version_id) == []

    def test_deploying_twice_is_deploying_once(self, driver: VersionDriver, eventually: Eventually) -> None:
        wanted = self.version()
        for _ in range(2):
            driver.deploy(wanted, 1)
        url = until(driver, eventually, wanted, Phase.READY).url
        created = [each.created for each in driver.inventory() if each.version_id == wanted.version_id]
        for token in (1, 1, 2):
            driver.deploy(wanted, token)
        after = [each.created for each in driver.inventory() if each.version_id == wanted.version_id]
        assert (len(after), after) == (1, created)
        assert driver.observe(wanted.version_id).url == url
        driver.remove(wanted.version_id, 2)

    def test_other_limits_replace_what_runs(self, driver: VersionDriver, eventually: Eventually) -> None:
        wanted = self.version()
        driver.deploy(wanted, 1)
        driver.deploy(replace(wanted, memory=96), 2)
        until(driver, eventually, wanted, Phase.READY)
        assert tokens(driver, wanted.version_id) == [2]
        driver.remove(wanted.version_id, 2)

    def test_an_earlier_token_undoes_nothing_of_a_later_one(
        self, driver: VersionDriver, eventually: Eventually
    ) -> None:
        wanted = self.version()
        driver.deploy(wanted, 7)
        with pytest.raises(StaleToken):
            driver.remove(wanted.version_id, 6)
        with pytest.raises(StaleToken):
            driver.deploy(replace(wanted, memory=96), 6)
        until(driver, eventually, wanted, Phase.READY)
        assert tokens(driver, wanted.version_id) == [7]
        driver.remove(wanted.version_id, 7)

    def test_versions_do_not_touch_each_other(self, driver: VersionDriver, eventually: Eventually) -> None:
        one, other = self.version(), self.version()
        driver.deploy(one, 5)
        driver.deploy(other, 1)
        driver.remove(one.version_id, 5)
        until(driver, eventually, other, Phase.READY)
        assert (tokens(driver, one.version_id), tokens(driver, other.version_id)) == ([], [1])
        driver.remove(other.version_id, 1)

    def test_an_image_that_is_not_there_is_told_apart(self, driver: VersionDriver, eventually: Eventually) -> None:
        wanted = replace(self.version(), image=self.missing)
        reason, message = self.failure(driver, eventually, wanted)
        assert reason == Reason.IMAGE_UNAVAILABLE
        assert message
        driver.remove(wanted.version_id, 1)

    def failure(
        self, driver: VersionDriver, eventually: Eventually, wanted: VersionDeployment
    ) -> tuple[Reason | None, str]:
        """Return why a version can't be deployed; some platforms say it at once, some later."""
        try:
            eventually(lambda: deployed(driver, wanted))
        except CannotDeployError as error:
            assert driver.observe(wanted.version_id).phase == Phase.ABSENT
            return error.reason, error.message
        failed = until(driver, eventually, wanted, Phase.FAILED)
        return failed.reason, failed.message

    def test_what_ended_by_itself_has_failed(self, driver: VersionDriver, eventually: Eventually) -> None:
        self.simulated(driver)
        wanted = version("ends")
        driver.deploy(wanted, 1)
        failed = until(driver, eventually, wanted, Phase.FAILED)
        assert failed.reason == Reason.AGENT_EXITED
        assert failed.message

    def simulated(self, driver: VersionDriver) -> None:
        if self.good != image("good"):
            pytest.skip(f"a real platform of {type(driver).__name__} has no image for that")


def deployed(driver: VersionDriver, wanted: VersionDeployment, token: int = 1) -> bool:
    """Call deploy as a worker does: again after a failure that may pass."""
    try:
        driver.deploy(wanted, token)
    except OSError:
        return False
    return True


def removed(driver: VersionDriver, wanted: VersionDeployment, token: int = 1) -> bool:
    try:
        driver.remove(wanted.version_id, token)
    except OSError:
        return False
    return True


@contextmanager
def going_wrong(platform: FakePlatform, fault: Fault, method: str, path: str = "") -> Iterator[None]:
    """Have a request go wrong, and expect that whoever needs its answer says that nothing is known."""
    platform.breaks(fault, method, path)
    with pytest.raises(OSError, match=r"."):
        yield
    # Where time was over before the request was sent.
    platform.faults.clear()


FAULTS: Final = [pytest.param(fault, id=fault.name.lower()) for fault in Fault]


class FaultSuite(ABC):
    """The same for a platform of the tests' own, which is told what to do wrong.

    Provide the fixtures `platform` and `hasty` too, a driver that waits for no answer longer than a moment.
    """

    deploys_by: ClassVar[tuple[tuple[str, str], ...]]
    """The requests of a deployment that change something, by method and a part of their path."""

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_deployment_that_went_wrong_is_done_by_repeating_it(
        self, driver: VersionDriver, hasty: VersionDriver, platform: FakePlatform, eventually: Eventually, fault: Fault
    ) -> None:
        for method, path in self.deploys_by:
            wanted = version()
            with going_wrong(platform, fault, method, path):
                (hasty if fault == Fault.SLOW else driver).deploy(wanted, 1)
            driver.deploy(wanted, 1)
            until(driver, eventually, wanted, Phase.READY)
            assert tokens(driver, wanted.version_id) == [1]

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_removal_that_went_wrong_is_done_by_repeating_it(
        self, driver: VersionDriver, hasty: VersionDriver, platform: FakePlatform, fault: Fault
    ) -> None:
        wanted = version()
        driver.deploy(wanted, 1)
        with going_wrong(platform, fault, "DELETE"):
            (hasty if fault == Fault.SLOW else driver).remove(wanted.version_id, 1)
        driver.remove(wanted.version_id, 1)
        assert driver.observe(wanted.version_id).phase == Phase.ABSENT
        assert tokens(driver, wanted.version_id) == []

    @pytest.mark.parametrize("fault", FAULTS)
    def test_nothing_is_concluded_from_an_answer_that_did_not_come(
        self, driver: VersionDriver, hasty: VersionDriver, platform: FakePlatform, fault: Fault
    ) -> None:
        wanted = version()
        driver.deploy(wanted, 1)
        caller = hasty if fault == Fault.SLOW else driver
        for call in (
            lambda: caller.observe(wanted.version_id),
            caller.inventory,
            lambda: caller.deploy(wanted, 1),
            lambda: caller.remove(wanted.version_id, 1),
        ):
            with going_wrong(platform, fault, "GET"):
                call()
        assert tokens(driver, wanted.version_id) == [1]

    def test_what_ended_is_deployed_anew(
        self, driver: VersionDriver, platform: FakePlatform, eventually: Eventually
    ) -> None:
        wanted = version("ends")
        driver.deploy(wanted, 1)
        until(driver, eventually, wanted, Phase.FAILED)
        before = len(platform.asked)
        eventually(lambda: deployed(driver, wanted))
        until(driver, eventually, wanted, Phase.FAILED)
        methods = [each.method for each in platform.asked[before:]]
        assert "DELETE" in methods
        assert "POST" in methods
        assert tokens(driver, wanted.version_id) == [1]

    def test_what_does_not_answer_is_being_deployed_and_can_be_removed(self, driver: VersionDriver) -> None:
        wanted = version("silent")
        driver.deploy(wanted, 1)
        assert driver.observe(wanted.version_id).phase == Phase.DEPLOYING
        driver.remove(wanted.version_id, 1)
        assert driver.observe(wanted.version_id).phase == Phase.ABSENT

    def test_what_the_platform_refuses_is_refused_for_good_in_its_words(self, driver: VersionDriver) -> None:
        wanted = version("refused")
        with pytest.raises(CannotDeployError) as refused:
            driver.deploy(wanted, 1)
        assert refused.value.reason == Reason.IMAGE_REFUSED
        assert "refused:1" in refused.value.message

    def test_what_others_run_is_not_seen(self, driver: VersionDriver, platform: FakePlatform) -> None:
        self.put_foreign(platform)
        wanted = version()
        driver.deploy(wanted, 1)
        assert [each.version_id for each in driver.inventory()] == [wanted.version_id]

    @abstractmethod
    def put_foreign(self, platform: FakePlatform) -> None:
        """Put something on the platform that is no version."""

    def test_workers_that_deploy_and_remove_at_once_leave_one_or_none(
        self, driver: VersionDriver, eventually: Eventually
    ) -> None:
        wanted = version()
        with ThreadPoolExecutor(6) as pool:
            calls = [pool.submit(call, driver, wanted, token) for token in (1, 2, 3) for call in (deployed, removed)]
        for call in calls:
            assert call.exception() is None or isinstance(call.exception(), StaleToken)
        eventually(lambda: deployed(driver, wanted, 4))
        until(driver, eventually, wanted, Phase.READY)
        assert len(tokens(driver, wanted.version_id)) == 1
        eventually(lambda: removed(driver, wanted, 4))
        assert tokens(driver, wanted.version_id) == []

    def test_what_was_made_says_when(self, driver: VersionDriver) -> None:
        wanted = version()
        driver.deploy(wanted, 1)
        (entry,) = driver.inventory()
        assert abs(entry.created.timestamp() - time.time()) < 3600


def from_environment(name: str) -> str:
    """Return an environment variable that names a real platform; skip the test if there is none."""
    value = os.environ.get(name, "")
    if not value:
        pytest.skip(f"{name} names no real platform")
    return value
