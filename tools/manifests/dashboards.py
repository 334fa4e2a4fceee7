"""deploy/grafana/dashboards, as Grafana reads them; what they show is in panels.py."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from functions.runtime.declarations import Declaration
from tools.manifests.panels import DASHBOARDS, Panel

FOLDER: Final = Path("deploy/grafana/dashboards")
TARGETS: Final = Path("deploy/prometheus/targets.json")


def files(declarations: Sequence[Declaration]) -> dict[Path, str]:
    """Return the dashboards, and the functions that Prometheus asks under compose."""
    dashboards = {FOLDER / f"{name}.json": _dashboard(name, *each) for name, each in DASHBOARDS.items()}
    return {**dashboards, TARGETS: _targets(declarations)}


def _targets(declarations: Sequence[Declaration]) -> str:
    surfaces: dict[str, list[str]] = {}
    for each in declarations:
        surfaces.setdefault(each.surface, []).append(f"{each.deployment}:8080")
    groups = [{"labels": {"surface": name}, "targets": sorted(places)} for name, places in sorted(surfaces.items())]
    return json.dumps(groups, indent=2) + "\n"


def _dashboard(name: str, title: str, panels: Sequence[Panel]) -> str:
    document = {
        "uid": f"botberi-{name}",
        "title": title,
        "description": "Written by `make manifests` from tools/manifests/panels.py: change that.",
        "tags": ["botberi"],
        "timezone": "browser",
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }
    return json.dumps(document, indent=2) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": source,
        "gridPos": {"x": number % 2 * 12, "y": number // 2 * 8, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": source, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(panel.lines)
        ],
    }
