"""What a new run starts with: the sample agents, and an administrator with a generated password."""

import secrets
from pathlib import Path
from typing import Final

from functions.domain.accounts import accounts
from functions.domain.catalog import samples
from functions.local import secrets_folder
from functions.runtime.databases import shared_transaction, user_transaction

ADMINISTRATOR: Final = "admin@botberi.example"


def catalog() -> list[str]:
    """Publish the sample agents that aren't in the catalog yet; return those: `["echo 1.0.0"]`."""
    with shared_transaction("admin") as db:
        return samples.seed(db)


def administrator(file: Path) -> str | None:
    """Create the first administrator; return the password, which `file` keeps, or None when there was one already."""
    if not file.exists():
        secrets_folder.write(file, secrets.token_urlsafe(18))
    password = file.read_text().strip()
    return password if create_administrator(password) else None


def create_administrator(password: str) -> bool:
    """Create the first administrator; tell whether there was none yet."""
    try:
        with user_transaction("admin") as db:
            accounts.create_account(db, ADMINISTRATOR, password, accounts.SCOPES)
    except accounts.EmailTaken:
        return False
    return True
