"""What an instance can be asked to be, and what it can be."""

from enum import StrEnum
from typing import Final


class DesiredState(StrEnum):
    """What somebody wants of an instance; written by the API and by policies."""

    RUNNING = "running"
    STOPPED = "stopped"
    DELETED = "deleted"


class Status(StrEnum):
    """What an instance is; written by the worker alone."""

    PENDING = "pending"
    PROVISIONING = "provisioning"
    STARTING = "starting"
    UPDATING = "updating"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


TRANSIENT: Final = frozenset(
    {Status.PENDING, Status.PROVISIONING, Status.STARTING, Status.UPDATING, Status.STOPPING, Status.DELETING}
)
"""Statuses that end by themselves: each has a deadline."""

PERSISTENT: Final = frozenset({Status.RUNNING, Status.STOPPED, Status.FAILED})
"""Statuses that last until somebody or something changes them."""

TERMINAL: Final = frozenset({Status.DELETED})
"""Statuses that nothing follows."""
