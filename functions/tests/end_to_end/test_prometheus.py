"""A real Prometheus asks everything that runs, and understands every rule and every line of a dashboard."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from core import http_client
from provisioning import local_settings
from provisioning.local_settings import LOOPBACK
from testing.stack import Stack
from tools.local.ports import free_ports
from tools.local.servers import binaries, managed_process

Eventually = Callable[..., Any]

RULES = local_settings.ROOT / "deploy/prometheus/rules.yml"
DASHBOARDS = [json.loads(file.read_text()) for file in (local_settings.ROOT / "deploy/grafana/dashboards").iterdir()]
LINES = [line["expr"] for board in DASHBOARDS for panel in board["panels"] for line in panel["targets"]]


class Prometheus:
    """Asked over its API."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str) -> Any:
        """Return the data of an answer, or None while there is none."""
        try:
            response = http_client.request("GET", f"http://{LOOPBACK}:{self.port}/api/v1/{path}", seconds=10)
            answer = json.loads(response.body)
        except (OSError, ValueError):
            return None
        return answer.get("data") if answer["status"] == "success" else None

    def query(self, expression: str) -> Any:
        """Return what an expression comes to."""
        return (self.get(f"query?query={quote(expression)}") or {}).get("result")


def configuration(stack: Stack) -> dict[str, Any]:
    ports = stack.env.ports
    jobs = {
        "relay": [ports.monitoring_relay_user, ports.monitoring_relay_shared],
        "dispatcher": [ports.monitoring_dispatcher],
        "gateway": [ports.monitoring_gateway],
        "functions": [ports.functions],
    }
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": job,
                "metrics_path": "/_/metrics" if job == "functions" else "/metrics",
                "static_configs": [{"targets": [f"{LOOPBACK}:{port}" for port in targets]}],
            }
            for job, targets in jobs.items()
        ],
    }


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = binaries.installed("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    [port] = free_ports(1)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(stack)))
    stack.restart("relay-user", RELAY_PROBE_SECONDS="2")
    files = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command = [str(program), *files, f"--web.listen-address={LOOPBACK}:{port}"]
    process = managed_process.start("prometheus", command, run=stack.folder, cwd=local_settings.ROOT)
    yield Prometheus(port)
    process.stop()
    stack.restart("relay-user")


def test_every_target_is_up(prometheus: Prometheus, eventually: Eventually) -> None:
    def health() -> list[str]:
        return [target["health"] for target in (prometheus.get("targets") or {}).get("activeTargets", ())]

    eventually(lambda: health() == ["up"] * 5)


def test_both_databases_have_a_relay_and_probes_come_back(prometheus: Prometheus, eventually: Eventually) -> None:
    active = 'botberi_relay_state{state="active"} == 1'
    eventually(lambda: len(prometheus.query(active) or ()) == 2)
    eventually(lambda: prometheus.query("botberi_relay_probe_seconds < 5"))


def test_every_rule_can_be_evaluated_and_nothing_of_the_event_path_is_alarmed(
    prometheus: Prometheus, eventually: Eventually
) -> None:
    def rules() -> list[dict[str, Any]]:
        groups = (prometheus.get("rules") or {}).get("groups", ())
        return [rule for group in groups for rule in group["rules"]]

    eventually(lambda: rules() and all(rule["health"] == "ok" for rule in rules()))
    quiet = {"EventsLate", "NoRelay", "ProbeLost", "NoDispatcher", "WakeUpsMissed", "RedisDown", "DatabaseDown"}
    eventually(lambda: [rule["name"] for rule in rules() if rule["name"] in quiet and rule["alerts"]] == [])


def test_prometheus_understands_every_line_of_a_dashboard(prometheus: Prometheus, eventually: Eventually) -> None:
    eventually(lambda: prometheus.query("up"))
    refused = [line for line in LINES if prometheus.query(line.replace("$__rate_interval", "1m")) is None]
    assert refused == []
