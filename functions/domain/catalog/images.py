"""Whether versions may be images: the setting `DRIVER` says where these run."""

from typing import Final

from core.configuration import setting

SETTING: Final = "DRIVER"

NOWHERE: Final = "none"


def driver() -> str:
    """Return the name of what runs images, default `none`."""
    return setting(SETTING, NOWHERE) or NOWHERE


def run_here() -> bool:
    """Return whether something runs images here."""
    return driver() != NOWHERE
