"""The drivers of versions that are images, by the name that the setting `DRIVER` has."""

from collections.abc import Callable, Mapping
from typing import Final

from functions.domain.catalog import images
from functions.drivers.base import VersionDriver


def _none() -> VersionDriver:
    from functions.drivers.none import NoDriver

    return NoDriver()


def _docker() -> VersionDriver:
    from functions.drivers.docker import DockerDriver

    return DockerDriver.from_settings()


def _knative() -> VersionDriver:
    from functions.drivers.knative import KnativeDriver

    return KnativeDriver.from_settings()


def _openfaas() -> VersionDriver:
    from functions.drivers.openfaas import OpenFaasDriver

    return OpenFaasDriver.from_settings()


DRIVERS: Final[Mapping[str, Callable[[], VersionDriver]]] = {
    images.NOWHERE: _none,
    "docker": _docker,
    "knative": _knative,
    "openfaas": _openfaas,
}
"""What makes each driver from its settings, and imports it: a worker loads no other."""


class UnknownDriverError(Exception):
    """`DRIVER` names no driver that there is."""


def from_settings() -> VersionDriver:
    """Return the driver that `DRIVER` names. Raises UnknownDriverError, and MissingSettingError for what it needs."""
    name = images.driver()
    if name not in DRIVERS:
        raise UnknownDriverError(f"DRIVER is {name!r}, which is none of {', '.join(sorted(DRIVERS))}")
    return DRIVERS[name]()
