"""`make conformance`: official kits and clients of the protocols, on the real endpoints, through the edge."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tools.conformance import a2a, ag_ui, environment, mcp, responses
from tools.conformance.environment import Environment
from tools.conformance.results import Result, table

KITS: Final[Mapping[str, Callable[[Environment], Iterator[Result]]]] = {
    "a2a": a2a.checked,
    "mcp": mcp.checked,
    "responses": responses.checked,
    "ag-ui": ag_ui.checked,
}
"""What tries each protocol."""


def main() -> None:
    """Print a table; end with code 1 unless everything passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=KITS, action="append")
    parts = parser.parse_args().only or list(KITS)
    with environment.running() as env:
        found = [result for part in parts for result in KITS[part](env)]
    sys.stdout.write(table(found) + "\n")
    if not all(each.whole for each in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
