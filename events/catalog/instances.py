"""Events about instances of agents, from shared_psql."""

from events.event import Event


class InstanceDesiredStateChanged(Event, type="com.botberi.instance.desired_state_changed.v1", subject="instance_id"):
    """Somebody asked for an instance to run, to stop or to be deleted; the worker has yet to make it so."""

    instance_id: str
    owner_id: str
    desired_state: str
    reason: str


class InstanceStatusChanged(Event, type="com.botberi.instance.status_changed.v1", subject="instance_id"):
    """The worker moved an instance from one status to the next."""

    instance_id: str
    owner_id: str
    previous: str
    status: str
    reason: str
    sentence: str
    """The reason for people, in one sentence."""
