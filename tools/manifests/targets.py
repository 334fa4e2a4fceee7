"""deploy/prometheus/targets.json: the functions that Prometheus asks under compose."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from functions.runtime.declarations import Declaration

FILE: Final = Path("deploy/prometheus/targets.json")


def targets(declarations: Sequence[Declaration]) -> str:
    """Return the functions, grouped by API."""
    apis: dict[str, list[str]] = {}
    for each in declarations:
        apis.setdefault(each.api, []).append(f"{each.deployment}:8080")
    groups = [{"labels": {"api": name}, "targets": sorted(places)} for name, places in sorted(apis.items())]
    return json.dumps(groups, indent=2) + "\n"
