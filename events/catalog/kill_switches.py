"""Events about kill switches, from shared_psql."""

from events.event import Event


class KillSwitchEngaged(
    Event,
    type="com.botberi.kill_switch.engaged.v1",
    subject="kill_switch_id",
    produced_by=("shared_psql/admin", "shared_psql/subscribers"),
):
    """An operator said that something is not to run: none of it is started any more, or takes messages.

    Said when that is so. What runs of it is asked to stop after this.
    """

    kill_switch_id: str
    """The switch, `kil_…`."""
    concerns: str
    """What: `everything`, `owner`, `version` or `suspension`; there may be more."""
    target: str
    """Which: an account, `usr_…`, or a version, `ver_…`; empty for everything."""
    reason: str
    """Why, in the words of whoever did it; those who are concerned may see them."""


class KillSwitchApplied(
    Event,
    type="com.botberi.kill_switch.applied.v1",
    subject="kill_switch_id",
    produced_by=("shared_psql/subscribers",),
):
    """Some of the instances that a kill switch concerns were asked to stop.

    Said of each portion of them, until there are no more.
    """

    kill_switch_id: str
    """The switch, `kil_…`."""
    stopped: int
    """How many were asked to stop."""
    finished: bool
    """Whether there are no more of them."""


class KillSwitchReleased(
    Event,
    type="com.botberi.kill_switch.released.v1",
    subject="kill_switch_id",
    produced_by=("shared_psql/admin", "shared_psql/subscribers"),
):
    """What a kill switch concerned may run again.

    Said when that is so. What it has stopped stays stopped until its owner starts it.
    """

    kill_switch_id: str
    """The switch, `kil_…`."""
    concerns: str
    """What: `everything`, `owner`, `version` or `suspension`; there may be more."""
    target: str
    """Which: an account, `usr_…`, or a version, `ver_…`; empty for everything."""
    reason: str = ""
    """Why, in the words of whoever did it."""
