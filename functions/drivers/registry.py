"""The drivers of versions that are images, by the name that the setting `DRIVER` has."""

from collections.abc import Callable, Mapping
from typing import Final

from functions.domain.catalog import images
from functions.drivers.base import VersionDriver


def _none() -> VersionDriver:
    from functions.drivers.none import NoDriver

    return NoDriver()


DRIVERS: Final[Mapping[str, Callable[[], VersionDriver]]] = {
    images.NOWHERE: _none,
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
