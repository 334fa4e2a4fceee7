"""Whether agents may run here: beside the worker, nothing keeps an agent from what the worker can read and reach.

Until they run in sandboxes, whoever operates an installation has to say that its agents are trusted that far.
"""

from typing import Final

from core.configuration import setting
from functions.domain.api_errors import Conflict

SETTING: Final = "AGENTS_UNCONFINED"

ALLOWED: Final = "yes"


class AgentsNotAllowed(Conflict):
    """This installation runs no agents: whoever operates it hasn't allowed them to run unconfined."""


def is_allowed() -> bool:
    """Return whether agents may run beside the worker, with its rights: `AGENTS_UNCONFINED=yes`."""
    return setting(SETTING, "") == ALLOWED


def check() -> None:
    """Raise AgentsNotAllowed unless agents may run here."""
    if not is_allowed():
        raise AgentsNotAllowed
