"""`make reset`: forget the data, secrets and logs of the local run."""

import shutil
import sys

from provisioning.local_settings import ROOT
from tools.local import orphans
from tools.local.errors import LocalError
from tools.local.lock import exclusive


def main() -> None:
    """Remove `.local`, unless `make run` is up."""
    run = ROOT / ".local"
    try:
        with exclusive(run):
            orphans.end(run)
            shutil.rmtree(run)
    except LocalError as error:
        sys.exit(f"botberi: {error}")


if __name__ == "__main__":
    main()
