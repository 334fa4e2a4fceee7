"""What the compose file leaves behind, and what it opens to whom."""

import re
from typing import Any

import pytest

from provisioning.local_settings import ROOT
from tools.local.servers.postgres_server import WITHOUT_VALUES
from tools.manifests.services import SERVICES, Service
from tools.manifests.yaml_text import load

TEXT = (ROOT / "docker-compose.local.yml").read_text(encoding="utf-8")
IN_COMPOSE: dict[str, Any] = load(TEXT)["services"]

WRITTEN_TO = {
    "postgres:17": "/var/lib/postgresql/data",
    "redis:8": "/data",
    "rabbitmq:4-management": "/var/lib/rabbitmq",
    "localstack/localstack:4.14.0": "/var/lib/localstack",
    "prom/prometheus:v3.5.0": "/prometheus",
}
"""What images of others declare as a volume: the engine makes a nameless one at each start, unless it is given one."""

OTHERS = [name for name, service in IN_COMPOSE.items() if "BOTBERI_REGISTRY" not in service["image"]]

SETTING = re.compile(r"\$\{(BOTBERI_\w+)(?::?-([^}]*))?\}")


@pytest.mark.parametrize("name", OTHERS)
def test_no_start_leaves_a_nameless_volume_behind(name: str) -> None:
    place = WRITTEN_TO.get(IN_COMPOSE[name]["image"])
    mounted = {volume.split(":")[1] for volume in IN_COMPOSE[name].get("volumes", ())}
    assert place is None or place in mounted


@pytest.mark.parametrize("name", IN_COMPOSE)
def test_every_port_is_bound_to_the_address_of_the_setting(name: str) -> None:
    for port in IN_COMPOSE[name].get("ports", ()):
        assert port.startswith("${BOTBERI_BIND:-127.0.0.1}:${BOTBERI_PORT_")


def settings(environment: str) -> dict[str, str]:
    lines = (ROOT / "environments" / environment / "botberi.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_dev_lists_every_setting_with_the_value_that_holds_without_it() -> None:
    assert dict(SETTING.findall(TEXT)) == settings("dev")


def test_prod_is_the_same_topology_with_other_values() -> None:
    assert settings("prod").keys() == settings("dev").keys()
    same = {name for name, value in settings("prod").items() if settings("dev")[name] == value}
    assert same & {"BOTBERI_PROJECT", "BOTBERI_ENVIRONMENT", "BOTBERI_API_URL", "BOTBERI_VERSION"} == set()


@pytest.mark.parametrize("file", ["docker-compose.local.yml", "deploy/knative/overlays/dev/services.yaml"])
def test_every_postgres_keeps_what_is_written_out_of_its_log(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    servers = text.count("-c, max_connections=")
    assert servers > 0
    assert {name: text.count(f"-c, {name}={value}") for name, value in WITHOUT_VALUES.items()} == dict.fromkeys(
        WITHOUT_VALUES, servers
    )


@pytest.mark.parametrize(
    "service",
    [service for service in SERVICES if not service.name.startswith("migrate-")],
    ids=lambda service: service.name,
)
def test_a_part_is_given_the_secrets_that_the_table_names(service: Service) -> None:
    name = {"worker": "celery_worker"}.get(service.name, service.name.replace("-", "_"))
    volumes = [volume for volume in IN_COMPOSE[name].get("volumes", ()) if volume.startswith("secret-")]
    mounted = {volume.split(":")[1].rpartition("/")[2] for volume in volumes}
    assert mounted == set(service.secrets)


@pytest.mark.parametrize(
    "service",
    # Exporters are told by arguments.
    [service for service in SERVICES if not service.name.startswith(("migrate-", "exporter-"))],
    ids=lambda service: service.name,
)
def test_a_part_is_given_the_settings_that_the_table_names(service: Service) -> None:
    name = {"worker": "celery_worker"}.get(service.name, service.name.replace("-", "_"))
    assert set(service.settings) <= set(IN_COMPOSE[name].get("environment", ()))
