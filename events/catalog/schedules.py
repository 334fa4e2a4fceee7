"""Events of schedules: the time has come for what a subscriber does again and again. The dispatcher says so."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from events.event import Event

PRODUCER: Final = "events/dispatcher/clock.py"


class UserPruningFallenDue(
    Event,
    type="com.botberi.user_pruning.fallen_due.v1",
    subject="schedule",
    produced_by=("shared_psql/relay", "user_psql/subscribers"),
):
    """It is time to forget what is no longer of use in user_psql.

    Said when a slot of the schedule has come, once however many dispatchers run.
    """

    schedule: Annotated[str, Field(examples=["prune_user_psql"])]
    """The subscriber that declares the schedule."""
    slot: datetime
    """When it was due."""


class ExportPruningFallenDue(
    Event, type="com.botberi.export_pruning.fallen_due.v1", subject="schedule", produced_by=("shared_psql/relay",)
):
    """It is time to delete exports of accounts that are a day old.

    Said when a slot of the schedule has come, once however many dispatchers run.
    """

    schedule: Annotated[str, Field(examples=["prune_exports"])]
    """The subscriber that declares the schedule."""
    slot: datetime
    """When it was due."""


class SharedPruningFallenDue(
    Event,
    type="com.botberi.shared_pruning.fallen_due.v1",
    subject="schedule",
    produced_by=("shared_psql/relay", "shared_psql/subscribers"),
):
    """It is time to forget what is no longer of use in shared_psql.

    Said when a slot of the schedule has come, once however many dispatchers run.
    """

    schedule: Annotated[str, Field(examples=["prune_shared_psql"])]
    """The subscriber that declares the schedule."""
    slot: datetime
    """When it was due."""


class AuditSealingFallenDue(
    Event,
    type="com.botberi.audit_sealing.fallen_due.v1",
    subject="schedule",
    produced_by=("shared_psql/relay", "shared_psql/subscribers"),
):
    """It is time to seal what was appended to the audit trails.

    Said when a slot of the schedule has come, once however many dispatchers run.
    """

    schedule: Annotated[str, Field(examples=["seal_audit"])]
    """The subscriber that declares the schedule."""
    slot: datetime
    """When it was due."""


class AuditAnchoringFallenDue(
    Event, type="com.botberi.audit_anchoring.fallen_due.v1", subject="schedule", produced_by=("shared_psql/relay",)
):
    """It is time to anchor the audit trails.

    Said when a slot of the schedule has come, once however many dispatchers run.
    """

    schedule: Annotated[str, Field(examples=["anchor_audit"])]
    """The subscriber that declares the schedule."""
    slot: datetime
    """When it was due."""
