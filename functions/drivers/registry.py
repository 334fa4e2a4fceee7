"""The drivers that there are, by the name that the setting `DRIVER` has."""

from collections.abc import Callable, Mapping
from typing import Final

from core.configuration import setting
from functions.drivers.base import Driver
from functions.drivers.process import ProcessDriver

DRIVERS: Final[Mapping[str, Callable[[], Driver]]] = {
    "process": ProcessDriver.from_settings,
}
"""What makes each driver from its settings."""


class UnknownDriverError(Exception):
    """`DRIVER` names no driver that there is."""


def from_settings() -> Driver:
    """Return the driver that `DRIVER` names, default `process`. Raises UnknownDriverError."""
    name = setting("DRIVER", "process")
    if name not in DRIVERS:
        raise UnknownDriverError(f"DRIVER is {name!r}, which is none of {', '.join(sorted(DRIVERS))}")
    return DRIVERS[name]()
