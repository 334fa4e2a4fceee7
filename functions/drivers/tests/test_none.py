"""Without a driver nothing is deployed, and whoever tries is told so."""

import pytest

from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, Phase, VersionDeployment
from functions.drivers.none import NoDriver


def test_every_image_is_refused_for_good() -> None:
    with pytest.raises(CannotDeployError) as refused:
        NoDriver().deploy(VersionDeployment("ver_1", "registry.example/agent:1"), 1)
    assert refused.value.reason == Reason.DRIVER_CANNOT_RUN_IMAGE


def test_there_is_nothing_to_see_remove_or_read() -> None:
    driver = NoDriver()
    driver.remove("ver_1", 1)
    assert driver.observe("ver_1").phase == Phase.ABSENT
    assert (driver.inventory(), driver.logs("ver_1", 10)) == ([], [])
