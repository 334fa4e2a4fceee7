"""Events about what waits for a second administrator."""

from datetime import datetime

from events.event import Event


class ApprovalRequested(
    Event,
    type="com.botberi.approval.requested.v1",
    subject="approval_id",
    produced_by=("shared_psql/admin", "shared_psql/broker"),
):
    """One of the staff asks for something that another has to approve before it is done.

    Said when they ask, where two are needed for it. Nothing is done yet.
    """

    approval_id: str
    """What waits, `apr_…`."""
    action: str
    """What is to be done: `change_version_status`, `force_delete_instance`, `redrive_dead_letters`; there may be more.
    """
    target: str
    """What it is about, for people."""
    requested_by: str
    """Who asks, `usr_…`."""
    reason: str
    """Why, in their words."""
    expires_at: datetime
    """Until when it can be approved."""


class ApprovalDecided(
    Event, type="com.botberi.approval.decided.v1", subject="approval_id", produced_by=("shared_psql/admin",)
):
    """Something that waited for a second administrator was approved, and is done, or was rejected, and isn't.

    Said in the transaction that does it.
    """

    approval_id: str
    """What waited, `apr_…`."""
    action: str
    """What is done, or isn't."""
    target: str
    """What it is about, for people."""
    decision: str
    """`approved` or `rejected`."""
    decided_by: str
    """Who has decided, `usr_…`."""
    reason: str
    """Why, in their words."""
