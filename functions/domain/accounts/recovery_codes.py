"""Recovery codes: each stands in once for a second factor that somebody has lost. Kept are hashes of them.

One has 128 bits, too many for anybody to try, so that a plain hash keeps it as well as a slow one would.
"""

import hashlib
import secrets
from base64 import b32encode
from typing import Final

from sqlalchemy import delete, func, insert, select

from functions.domain.accounts.tables import recovery_codes
from functions.domain.databases import UserDb

NUMBER: Final = 10
"""Those that somebody is given at a time."""

_BYTES: Final = 16
_GROUP: Final = 4
"""Characters between two hyphens."""


def renew(db: UserDb, account_id: str) -> list[str]:
    """Give an account new codes, and return them; older ones are worth nothing from now on."""
    forget(db, account_id)
    codes = [_new() for _ in range(NUMBER)]
    rows = [{"account_id": account_id, "code_hash": _hash(code)} for code in codes]
    db.execute(insert(recovery_codes), rows)
    return codes


def use(db: UserDb, account_id: str, code: str) -> bool:
    """Use up a code of an account, however it is written; return False if it is none, or no longer."""
    of_account = recovery_codes.c.account_id == account_id
    used = delete(recovery_codes).where(of_account, recovery_codes.c.code_hash == _hash(code))
    return db.execute(used.returning(recovery_codes.c.account_id)).first() is not None


def left(db: UserDb, account_id: str) -> int:
    """Return how many codes an account has."""
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.account_id == account_id)
    return db.execute(query).scalar_one()


def forget(db: UserDb, account_id: str) -> None:
    """Delete the codes of an account."""
    db.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))


def _new() -> str:
    code = b32encode(secrets.token_bytes(_BYTES)).decode().rstrip("=").lower()
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def _hash(code: str) -> bytes:
    written = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(written.encode()).digest()
