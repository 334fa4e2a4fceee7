import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from typing import Final

import prometheus_client
import pytest
from flower.events import get_prometheus_metrics

from events.dispatcher import exposition as dispatcher
from events.relay import exposition as relay
from functions.runtime import metrics
from functions.services.realtime import metrics as gateway
from provisioning.local_settings import ROOT
from tools.local.servers import binaries
from tools.manifests.yaml_text import load

FOLDER = ROOT / "deploy/prometheus"

RULES = [rule for group in load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARDS = [json.loads(file.read_text()) for file in (ROOT / "deploy/grafana/dashboards").iterdir()]
LINES = sorted(line["expr"] for board in DASHBOARDS for panel in board["panels"] for line in panel["targets"])


def queried() -> Iterator[str]:
    """Yield the metrics of our own that postgres_exporter is told to ask for."""
    for name, each in load((FOLDER / "queries.yml").read_text()).items():
        for column in each["metrics"]:
            yield from (f"{name}_{key}" for key, about in column.items() if about["usage"] != "LABEL")


SERVICES: Final[dict[str, Mapping[str, str]]] = {
    "relay": relay.FAMILIES,
    "dispatcher": dispatcher.FAMILIES,
    "queries.yml": dict.fromkeys(queried(), ""),
    "gateway": gateway.FAMILIES,
}

FOR_THOSE_WHO_LOOK_CLOSER = {
    *("botberi_relay_cursor_seconds", "botberi_relay_lease", "botberi_dispatcher_function_reached"),
}
"""Shown by no dashboard."""

NAME = re.compile(r"\b(?:botberi|flower|rabbitmq|pg|pgbouncer|up|node|redis|nginx|celery|process)(?:_\w+)?\b(?![=!(])")


def named(expression: str) -> set[str]:
    """Return the metrics of an expression: names outside of selectors and grouping labels."""
    bare = re.sub(r"\{[^}]*\}|(by|on|without) \([^)]*\)", "", expression)
    return set(NAME.findall(bare))


def exported() -> Iterator[str]:
    for names in load((FOLDER / "exported.yml").read_text()).values():
        yield from names
    for families in SERVICES.values():
        yield from families
    yield from (f"botberi_dispatcher_call_seconds_{end}" for end in ("bucket", "sum", "count"))
    yield from (metrics.RESPONSES, *(f"{metrics.SECONDS}_{end}" for end in ("bucket", "sum", "count")))
    get_prometheus_metrics()
    for family in prometheus_client.REGISTRY.collect():
        suffix = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        yield from (family.name + end for end in suffix)


def test_names_are_found_in_expressions() -> None:
    assert named('sum by (up) (rate(pg_up{a="botberi_x"}[5m])) / on (database) flower_a_total') == {
        "pg_up", "flower_a_total",
    }  # fmt: skip


@pytest.mark.parametrize("expression", LINES + [rule["expr"] for rule in RULES])
def test_every_metric_that_is_named_is_exported_by_something(expression: str) -> None:
    assert named(expression)
    assert named(expression) - set(exported()) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_metric_of_ours_is_shown_or_watched(service: str) -> None:
    shown = set().union(*map(named, LINES + [rule["expr"] for rule in RULES]))
    shown |= {name.removesuffix("_bucket") for name in shown}
    assert SERVICES[service].keys() - shown <= FOR_THOSE_WHO_LOOK_CLOSER


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_page_that_says_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    page = (ROOT / rule["annotations"]["runbook_url"]).read_text()
    assert page.startswith(f"# {rule['alert']}\n")
    assert [heading for heading in ("## What it means", "## What to do") if heading not in page] == []


@pytest.mark.parametrize(
    "command",
    [["check", "config", "prometheus.yml"], ["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]],
    ids=lambda command: " ".join(command[:2]),
)
def test_prometheus_takes_configuration_and_rules(command: list[str]) -> None:
    promtool = binaries.installed("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    run = subprocess.run([promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_prometheus_asks_every_part_that_can_be_watched() -> None:
    jobs = load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    asked = {target for job in jobs for each in job.get("static_configs", ()) for target in each["targets"]}
    services = load((ROOT / "docker-compose.local.yml").read_text())["services"]
    shown = {name: f"{each.get('command')} {each.get('healthcheck')}" for name, each in services.items()}
    monitored = {name for name, told in shown.items() if "9464" in told}
    assert {target for target in asked if target.endswith(":9464")} == {f"{name}:9464" for name in monitored}


def test_prometheus_asks_every_function() -> None:
    groups = json.loads((FOLDER / "targets.json").read_text())
    targets = {target for group in groups for target in group["targets"]}
    assert {"login:8080", "record-audit:8080"} <= targets
