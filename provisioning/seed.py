"""What a new installation starts with, safe to repeat: the sample agents, and an administrator."""

import logging
import secrets
from pathlib import Path
from typing import Final

from core import logs
from core.configuration import secret
from functions.domain.accounts import accounts, verification
from functions.domain.audit import anchor_store
from functions.domain.catalog import bundle_store, samples
from functions.runtime.databases import shared_transaction, user_transaction
from provisioning import secrets_folder
from provisioning.secrets import ADMINISTRATOR as PASSWORD

ADMINISTRATOR: Final = "admin@botberi.example"

SCOPES: Final = ("user", "admin", "broker")
"""What the first administrator may do: all that others may, and publish events."""

log = logging.getLogger(__name__)


def catalog() -> list[str]:
    """Publish the sample agents that aren't in the catalog yet; return those: `["echo 1.0.0"]`.

    The places where bundles, and anchors of the audit trail, are kept are made before.
    """
    bundle_store.store().prepare()
    anchor_store.store().prepare()
    with shared_transaction("admin") as db:
        return samples.seed(db)


def administrator(file: Path) -> str | None:
    """Create the first administrator; return the password, which `file` keeps, or None when there was one already."""
    if not file.exists():
        secrets_folder.write(file, secrets.token_urlsafe(18))
    password = file.read_text().strip()
    return password if create_administrator(password) else None


def create_administrator(password: str) -> bool:
    """Create the first administrator; return whether there was none yet."""
    try:
        with user_transaction("admin") as db:
            account = accounts.create_account(db, ADMINISTRATOR, password, SCOPES)
            # Nobody reads mail to this address.
            verification.note(db, account.id)
    except accounts.EmailTaken:
        return False
    return True


def main() -> None:
    """Seed both databases, as a container or a Job does it."""
    logs.configure("seed")
    published = catalog()
    log.info("published %s", ", ".join(published) or "nothing new")
    created = create_administrator(secret(PASSWORD))
    log.info("%s %s", ADMINISTRATOR, "is new" if created else "is there")


if __name__ == "__main__":
    main()
