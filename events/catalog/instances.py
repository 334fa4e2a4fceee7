"""Events about instances of agents, from shared_psql."""

from typing import Annotated

from pydantic import Field

from events.event import Event


class InstanceDesiredStateChanged(
    Event,
    type="com.botberi.instance.desired_state_changed.v1",
    subject="instance_id",
    produced_by=("shared_psql/user", "shared_psql/admin", "shared_psql/subscribers"),
):
    """Somebody asked for an instance to run, to stop or to be deleted; the worker has yet to make it so.

    Said when the instance is created, and with every command that changes what is desired.
    """

    instance_id: str
    """The instance, `ins_…`."""
    owner_id: str
    """The account that it belongs to, `usr_…`."""
    desired_state: str
    """`running`, `stopped` or `deleted`."""
    reason: str
    """Why, as a code: `created`, `start_requested`, `stopped_by_administrator` and others; there may be more."""
    message: str = ""
    """The reason for people, with the words of an administrator who gave any; may be empty."""


class InstanceChanged(
    Event,
    type="com.botberi.instance.changed.v1",
    subject="instance_id",
    produced_by=("shared_psql/user", "shared_psql/worker", "shared_psql/admin"),
):
    """An instance is called something else, shall consist of something else, be started anew or be looked at.

    Said when that is wanted. What it consists of takes effect when the worker has seen it answer.
    """

    instance_id: str
    """The instance, `ins_…`."""
    owner_id: str
    """The account that it belongs to, `usr_…`."""
    fields: Annotated[list[str], Field(examples=[["config", "name"]])]
    """What has changed: `config`, `labels`, `limits`, `name`, `version`, `quarantine`; there may be more."""
    generation: int
    """The one that is wanted from now on, which counts up with whatever the worker has to do something about."""
    reason: str
    """Why, as a code: `update_requested`, `restart_requested`, `update_rolled_back`; there may be more."""
    message: str = ""
    """The reason for people, with the words of an administrator who gave any; may be empty."""


class InstanceStatusChanged(
    Event, type="com.botberi.instance.status_changed.v1", subject="instance_id", produced_by=("shared_psql/worker",)
):
    """The worker moved an instance from one status to the next.

    Said with every step: `provisioning`, `starting`, `running` is three of them.
    """

    instance_id: str
    """The instance, `ins_…`."""
    owner_id: str
    """The account that it belongs to, `usr_…`."""
    previous: str
    """The status that it had."""
    status: str
    """The status that it has now: `provisioning`, `running`, `failed` and others; there may be more."""
    reason: str
    """Why, as a code: `agent_ready`, `crash_loop` and others; there may be more."""
    message: str
    """The reason for people, in one sentence."""
