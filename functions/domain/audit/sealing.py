"""Sealing: putting entries into an order, as a chain of hashes, off the way of those who append them."""

from typing import Final

from sqlalchemy import Connection, text

BATCH: Final = 5000
"""Entries that are sealed in one transaction, at most."""

_SEAL: Final = text("select seal_audit_entries(:most)")


def seal(db: Connection) -> int:
    """Seal up to BATCH entries that were committed and aren't sealed yet; return how many.

    However many do so at once, one goes on where the other has ended.
    """
    return int(db.scalar(_SEAL, {"most": BATCH}) or 0)
