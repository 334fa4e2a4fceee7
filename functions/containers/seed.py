"""`python -m functions.containers.seed`: the sample agents and the first administrator; safe to repeat."""

import logging

from events import logs
from events.configuration import secret
from functions.containers.secrets import ADMINISTRATOR
from functions.local import seed

log = logging.getLogger(__name__)


def main() -> None:
    """Seed both databases."""
    logs.configure("seed")
    published = seed.catalog()
    log.info("published %s", ", ".join(published) or "nothing new")
    created = seed.create_administrator(secret(ADMINISTRATOR))
    log.info("%s %s", seed.ADMINISTRATOR, "is new" if created else "is there")


if __name__ == "__main__":
    main()
