"""Events about runs of instances, from shared_psql."""

from events.event import Event


class RunStatusChanged(
    Event,
    type="com.botberi.run.status_changed.v1",
    subject="run_id",
    produced_by=("shared_psql/user", "shared_psql/runner", "shared_psql/admin"),
):
    """A run has another status, or has just been accepted.

    What its agent says isn't told here: that is read from the run.
    """

    run_id: str
    """The run, `run_…`."""
    instance_id: str
    """The instance whose agent answers, `ins_…`."""
    owner_id: str
    """The account that it belongs to, `usr_…`."""
    conversation_id: str
    """The conversation that it is part of, `con_…`."""
    previous: str | None
    """The status that it had; null for a new one."""
    status: str
    """`queued`, `running`, `input_required`, `completed`, `failed` or `cancelled`."""
    reason: str
    """Why, as a code: `accepted`, `agent_failed` and others; there may be more."""
    explanation: str
    """The reason for people, in one sentence."""
    attempt: int
    """How often its agent has been called."""
    last_sequence: int
    """The number of the run's event that tells this."""


class RunCancelRequested(
    Event,
    type="com.botberi.run.cancel_requested.v1",
    subject="run_id",
    produced_by=("shared_psql/user", "shared_psql/admin"),
):
    """Somebody asked for a run to be cancelled whose agent is at work; a runner has yet to end it.

    Said once for each run, and not for one that waits: that ends at once.
    """

    run_id: str
    """The run, `run_…`."""
    instance_id: str
    """The instance whose agent answers, `ins_…`."""
    owner_id: str
    """The account that it belongs to, `usr_…`."""


class PushNotificationFallenDue(
    Event,
    type="com.botberi.push_notification.fallen_due.v1",
    subject="push_config_id",
    produced_by=("shared_psql/user", "shared_psql/runner", "shared_psql/admin"),
):
    """Somebody is to be notified of a run's new status.

    Said with each status of a run that somebody wants to be notified of, once for each place where that goes. Neither
    the place nor what is told there is in it.
    """

    push_config_id: str
    """The place and how to authenticate there, `psh_…`."""
    run_id: str
    """The run, `run_…`."""
    last_sequence: int
    """The number of the run's event that tells the status."""
