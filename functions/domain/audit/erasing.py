"""Erasing what the audit trail tells of an account that was purged: who and what stay, why and from where go."""

from typing import Final

from sqlalchemy import Connection, text

BATCH: Final = 5000
"""Entries whose details are erased by one statement."""

_ERASE: Final = text("select erase_audit_details(:account, :most)")


def erase(db: Connection, account_id: str) -> None:
    """Erase the details of entries about an account that is no more here; the trail verifies as before."""
    while db.scalar(_ERASE, {"account": account_id, "most": BATCH}) == BATCH:
        pass
