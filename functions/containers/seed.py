"""`python -m functions.containers.seed`: the sample agents and the first administrator; safe to repeat."""

import logging
import os
from pathlib import Path

from events import logs
from events.configuration import SECRETS_FOLDER
from functions.containers.secrets import ADMINISTRATOR
from functions.local import seed

log = logging.getLogger(__name__)


def main() -> None:
    """Seed both databases."""
    logs.configure("seed")
    published = seed.catalog()
    log.info("published %s", ", ".join(published) or "nothing new")
    folder = Path(os.environ.get("BOTBERI_SECRETS", SECRETS_FOLDER)) / ADMINISTRATOR
    created = seed.administrator(folder / ADMINISTRATOR)
    log.info("%s %s", seed.ADMINISTRATOR, "is new" if created else "is there")


if __name__ == "__main__":
    main()
