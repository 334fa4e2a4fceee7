"""The states that an instance may be asked to have, and the statuses that instances and versions may have."""

from enum import StrEnum
from typing import Final


class DesiredState(StrEnum):
    """The state that an owner or a policy wants an instance to have; written by the API and by policies."""

    RUNNING = "running"
    STOPPED = "stopped"
    DELETED = "deleted"


class Status(StrEnum):
    """The state that an instance was last seen in; written by the worker alone."""

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


def takes_messages(desired_state: DesiredState, status: Status) -> bool:
    """Return whether an instance takes messages: none does from the moment that it is to stop, whatever still runs."""
    return desired_state == DesiredState.RUNNING and status in {Status.RUNNING, Status.UPDATING}


class VersionStatus(StrEnum):
    """Whether a version should still be launched; its code and schema never change."""

    PUBLISHED = "published"
    DEPRECATED = "deprecated"
    """It can be launched; whoever does is told why not to."""
    YANKED = "yanked"
    """It can't be launched any more; what runs of it goes on."""
