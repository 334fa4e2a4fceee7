"""deploy/grafana/dashboards: functions, events, instances and workers, and what they stand on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from functions.runtime.declarations import Declaration

FOLDER: Final = Path("deploy/grafana/dashboards")
TARGETS: Final = Path("deploy/prometheus/targets.json")


@dataclass(frozen=True)
class Panel:
    """One graph: lines, each an expression and what its legend says."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    about: str = ""


def _rate(metric: str) -> str:
    return f"rate({metric}[$__rate_interval])"


_BUCKETS: Final = f"sum by (function, le) ({_rate('botberi_function_seconds_bucket')})"
_JOBS: Final = f"sum by (task, le) ({_rate('flower_task_runtime_seconds_bucket')})"
_ERRORS: Final = _rate('botberi_function_answers_total{status=~"5.."}')

DASHBOARDS: Final[dict[str, tuple[str, tuple[Panel, ...]]]] = {
    "functions": (
        "Functions",
        (
            Panel(
                "Requests",
                "reqps",
                (("sum by (function) (rate(botberi_function_answers_total[$__rate_interval]))", "{{function}}"),),
            ),
            Panel(
                "Errors of ours",
                "reqps",
                (
                    (
                        f"sum by (function, status) ({_ERRORS})",
                        "{{function}} {{status}}",
                    ),
                ),
                "500 is a bug, 503 a dependency that is away.",
            ),
            Panel("Half take less than", "s", ((f"histogram_quantile(0.5, {_BUCKETS})", "{{function}}"),)),
            Panel("99 of 100 take less than", "s", ((f"histogram_quantile(0.99, {_BUCKETS})", "{{function}}"),)),
            Panel(
                "Refusals",
                "reqps",
                (
                    (
                        'sum by (status) (rate(botberi_function_answers_total{status=~"4.."}[$__rate_interval]))',
                        "{{status}}",
                    ),
                ),
                "Many 401 and 429 together are somebody guessing passwords.",
            ),
        ),
    ),
    "events": (
        "Events",
        (
            Panel(
                "Oldest event that RabbitMQ hasn't confirmed",
                "s",
                (("botberi_outbox_oldest_seconds", "{{database}}"),),
                "By the database's clock. Above a second or two, something is in the way.",
            ),
            Panel("Events not yet confirmed", "short", (("botberi_outbox_undelivered", "{{database}}"),)),
            Panel(
                "Waiting in queues",
                "short",
                (('rabbitmq_detailed_queue_messages_ready{queue!~".*[.]dead"}', "{{queue}}"),),
            ),
            Panel(
                "Given up", "short", (("botberi_dead_letters_open", "{{queue}}"), ("botberi_outbox_parked", "parked"))
            ),
            Panel(
                "Published and confirmed",
                "ops",
                (
                    ("sum(rate(rabbitmq_global_messages_received_confirm_total[$__rate_interval]))", "published"),
                    ("sum(rate(rabbitmq_global_messages_confirmed_total[$__rate_interval]))", "confirmed"),
                    ("sum(rate(rabbitmq_global_messages_unroutable_returned_total[$__rate_interval]))", "returned"),
                ),
            ),
            Panel(
                "Acknowledged, redelivered",
                "ops",
                (
                    ("sum(rate(rabbitmq_global_messages_acknowledged_total[$__rate_interval]))", "acknowledged"),
                    ("sum(rate(rabbitmq_global_messages_redelivered_total[$__rate_interval]))", "redelivered"),
                ),
            ),
            Panel(
                "Relays taking over",
                "short",
                (("changes(botberi_relay_epoch[5m])", "{{database}}"),),
                "More than one in a while: relays lose their connection or are killed.",
            ),
        ),
    ),
    "instances": (
        "Instances and workers",
        (
            Panel("Instances by status", "short", (("botberi_instances", "{{status}}"),)),
            Panel(
                "Late",
                "short",
                (("botberi_instances_overdue", "overdue"), ("botberi_instances_past_deadline", "past deadline")),
                "Overdue: no worker looked. Past deadline: a worker looked and could not help.",
            ),
            Panel("Workers online", "short", (("flower_worker_online", "{{worker}}"),)),
            Panel(
                "Jobs at once",
                "short",
                (("flower_worker_number_of_currently_executing_tasks", "{{worker}}"),),
            ),
            Panel(
                "Jobs",
                "ops",
                (("sum by (type) (rate(flower_events_total[$__rate_interval]))", "{{type}}"),),
            ),
            Panel(
                "99 of 100 jobs take less than",
                "s",
                (
                    (
                        f"histogram_quantile(0.99, {_JOBS})",
                        "{{task}}",
                    ),
                ),
            ),
        ),
    ),
    "dependencies": (
        "Postgres and RabbitMQ",
        (
            Panel(
                "Databases that answer", "short", (("botberi_database_up", "{{database}}"), ("pg_up", "{{instance}}"))
            ),
            Panel(
                "Connections of Postgres",
                "short",
                (
                    ("sum by (database) (pg_stat_database_numbackends)", "{{database}}"),
                    ("pg_settings_max_connections", "{{database}} at most"),
                ),
            ),
            Panel(
                "Transactions",
                "ops",
                (
                    (
                        "sum by (database) (rate(pg_stat_database_xact_commit[$__rate_interval]))",
                        "{{database}} commits",
                    ),
                    (
                        "sum by (database) (rate(pg_stat_database_xact_rollback[$__rate_interval]))",
                        "{{database}} rollbacks",
                    ),
                ),
            ),
            Panel(
                "Deadlocks",
                "short",
                (("sum by (database) (increase(pg_stat_database_deadlocks[5m]))", "{{database}}"),),
            ),
            Panel("Size", "bytes", (("sum by (database) (pg_database_size_bytes)", "{{database}}"),)),
            Panel(
                "Memory of RabbitMQ",
                "bytes",
                (
                    ("rabbitmq_process_resident_memory_bytes", "used"),
                    ("rabbitmq_resident_memory_limit_bytes", "at most"),
                ),
            ),
            Panel(
                "Disk of RabbitMQ",
                "bytes",
                (
                    ("rabbitmq_disk_space_available_bytes", "free"),
                    ("rabbitmq_disk_space_available_limit_bytes", "at least"),
                ),
            ),
            Panel("Connections of RabbitMQ", "short", (("rabbitmq_connections", "connections"),)),
        ),
    ),
}


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
        "description": "Written by `make manifests` from functions/manifests/dashboards.py: change that.",
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
