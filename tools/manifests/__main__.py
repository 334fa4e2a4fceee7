"""Write the generated files: `python -m tools.manifests [--check]`; with --check only tell which are stale."""

import argparse
import sys

from events.contracts.ledger import BreakingChangeError
from tools.manifests import files


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="manifests", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    check = parser.parse_args().check
    try:
        paths = files.stale() if check else files.write()
    except BreakingChangeError as error:
        sys.exit(str(error))
    for path in paths:
        sys.stdout.write(f"{path}\n")
    if paths and check:
        sys.exit("stale: run `make manifests`")


if __name__ == "__main__":
    main()
