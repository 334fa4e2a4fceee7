"""`make reset`: forget the data, secrets and logs of the local run."""

import shutil
import sys
from pathlib import Path

from tools.local import leftovers
from tools.local.errors import LocalError
from tools.local.only_one import only_one


def main() -> None:
    """Remove `.local`, unless `make run` is up."""
    run = Path(__file__).resolve().parents[2] / ".local"
    try:
        with only_one(run):
            leftovers.end(run)
            shutil.rmtree(run)
    except LocalError as error:
        sys.exit(f"botberi: {error}")


if __name__ == "__main__":
    main()
