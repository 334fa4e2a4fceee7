"""Where anchors are kept: in the store of objects that the setting `AUDIT_STORE` names, locked."""

from typing import Final

from core.configuration import OBJECT_STORE_KEY, setting
from core.object_store.base import ObjectStore
from core.once import once
from functions.domain.api_errors import Unavailable

SETTING: Final = "AUDIT_STORE"

DAYS_SETTING: Final = "AUDIT_RETENTION_DAYS"
"""For how many days nobody can delete an anchor, whoever they are."""

SETTINGS: Final = (SETTING, DAYS_SETTING)

SECRETS: Final = (OBJECT_STORE_KEY,)

DAYS: Final = 365


class AnchorsUnavailable(Unavailable):
    """The place where anchors of the audit trail are kept isn't available just now: try again shortly."""


def store() -> ObjectStore:
    """Return the store, whose client is made once for each process."""
    return _opened(setting(SETTING), int(setting(DAYS_SETTING, "") or DAYS))


@once
def _opened(address: str, days: int) -> ObjectStore:
    from core.object_store.opening import open_store

    return open_store(address, locked_days=days)
