"""Four eyes: what one of the staff asks for and another has to approve before it is done, where that is wanted.

An approval holds what was asked for: the name of the endpoint, and its arguments. Whoever approves has it done in the
same transaction, with what is in the approval and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from pydantic import JsonValue
from sqlalchemy import func, insert, select, update

from core.configuration import setting
from core.ids import new_id
from events.catalog.approvals import ApprovalDecided, ApprovalRequested
from events.outbox import emit
from functions.domain.api_errors import Conflict, Forbidden, NotFound
from functions.domain.databases import SharedDb
from shared_psql_models.operators import Approval, approvals

SETTING: Final = "FOUR_EYES"
"""`true` where two are needed for what is grave."""

LIFETIME: Final = timedelta(days=1)
"""For how long something can be approved."""

Decision = Literal["approved", "rejected"]


class ApprovalNotFound(NotFound):
    """There is no such approval."""


class ApprovalDecidedAlready(Conflict):
    """This was approved or rejected before."""


class ApprovalExpired(Conflict):
    """This was asked for too long ago: have it asked for again."""


class OwnApproval(Forbidden):
    """You have asked for this yourself: another administrator has to approve it."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks for."""

    action: str
    """The name of the endpoint."""
    arguments: Mapping[str, JsonValue]
    target: str
    """What it is about, for people."""
    reason: str


def are_needed() -> bool:
    """Return whether two are needed for what is grave."""
    return setting(SETTING, "") == "true"


def request(db: SharedDb, account_id: str, asked: Asked) -> Approval:
    """Keep what somebody asks for until somebody else decides, and emit ApprovalRequested."""
    row = {"id": new_id("apr"), "requested_by": account_id, "expires_at": func.now() + LIFETIME, **vars(asked)}
    kept = db.execute(insert(approvals).values(row).returning(approvals)).mappings().one()
    approval = Approval.of(kept)
    event = ApprovalRequested(
        approval_id=approval.id,
        action=approval.action,
        target=approval.target,
        requested_by=account_id,
        reason=approval.reason,
        expires_at=approval.expires_at,
    )
    emit(db, event)
    return approval


def search(db: SharedDb, *, waiting: bool | None, after: str | None, limit: int) -> list[Approval]:
    """Return up to `limit` approvals, newest first, that follow `after`: only those that wait, or that don't."""
    query = select(approvals).order_by(approvals.c.id.desc()).limit(limit)
    if waiting is not None:
        query = query.where(approvals.c.decision.is_(None) if waiting else approvals.c.decision.is_not(None))
    if after is not None:
        query = query.where(approvals.c.id < after)
    return [Approval.of(row) for row in db.execute(query).mappings()]


def decide(db: SharedDb, approval_id: str, account_id: str, decision: Decision, reason: str) -> Approval:
    """Decide what waits, and emit ApprovalDecided; whoever has asked for it may reject it alone.

    Raises ApprovalNotFound, ApprovalDecidedAlready, ApprovalExpired and OwnApproval.
    """
    own = approvals.c.id == approval_id
    expired = (approvals.c.expires_at <= func.now()).label("expired")
    found = db.execute(select(*approvals.c, expired).where(own).with_for_update()).mappings().first()
    if found is None:
        raise ApprovalNotFound
    if found["decision"] is not None:
        raise ApprovalDecidedAlready
    if decision == "approved" and found["expired"]:
        raise ApprovalExpired
    if decision == "approved" and found["requested_by"] == account_id:
        raise OwnApproval
    decided = {"decision": decision, "decided_by": account_id, "decided_at": func.now(), "decision_reason": reason}
    row = db.execute(update(approvals).where(own).values(decided).returning(approvals)).mappings().one()
    approval = Approval.of(row)
    event = ApprovalDecided(
        approval_id=approval.id,
        action=approval.action,
        target=approval.target,
        decision=decision,
        decided_by=account_id,
        reason=reason,
    )
    emit(db, event)
    return approval
