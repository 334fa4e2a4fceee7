"""Who reaches whom under compose: those who share a network, so nobody shares one who mustn't."""

from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from functions.runtime.functions import declarations
from provisioning.local_settings import ROOT
from tools.manifests.compose import NETWORKS
from tools.manifests.yaml_text import load

FILE: dict[str, Any] = load((ROOT / "docker-compose.local.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = FILE["services"]

FUNCTIONS = {each.deployment: each for each in declarations()}
ENDPOINTS = {name for name, each in FUNCTIONS.items() if each.api != "subscribers"}
SUBSCRIBERS = FUNCTIONS.keys() - ENDPOINTS
KEEPERS: Final = {"agent-memory", "keep-agent-logs"}
"""The functions that agent hosts call."""

WAYS_OUT: Final = {"webhooks", "identity_providers"}
CALLERS_OUT: Final = {
    name: "webhooks" if name in SUBSCRIBERS else "identity_providers"
    for name, each in FUNCTIONS.items()
    if each.resources.calls_out
}
"""The functions that call addresses that others name, each with its way out."""

SENDERS: Final = {"send-mail", "mail-other-address"}
"""The functions that send mail, to a server that may be anywhere."""

EXPORTERS: Final = {"anchor-audit", "collect-export", "prune-exports"}
"""The subscribers that keep something in the store of objects."""

DATABASES: Final = {
    "user_psql": {"user_pgbouncer", "relay_user", "seed", "migrate", "exporter_user_psql", "exporter_user_pgbouncer"},
    "shared_psql": {
        *("shared_pgbouncer", "relay_shared", "seed", "migrate"),
        *("exporter_shared_psql", "exporter_shared_pgbouncer"),
        *("dispatcher", "gateway", "runner"),
    },
    "event_bus": {"relay_user", "relay_shared", "dispatcher", "gateway", "topology", "prometheus"},
}
"""What holds everything, and who may be where it is: neither an endpoint nor a subscriber, nor the worker."""

DEPENDENCIES: Final = {
    "USER_PSQL_URL": "user_pgbouncer",
    "SHARED_PSQL_URL": "shared_pgbouncer",
    "USER_REDIS_URL": "user_redis",
    "BUNDLE_STORE": "localstack",
    "AUDIT_STORE": "localstack",
    "AGENT_HOST_URL": "agent_host",
    "SMTP_URL": "maildev",
}


def networks(name: str) -> set[str]:
    return set(SERVICES[name].get("networks", ()))


def meets(name: str) -> set[str]:
    """Return who shares a network with a service."""
    return {other for other in SERVICES if other != name and networks(name) & networks(other)}


def addresses(name: str) -> set[str]:
    """Return the services that a service's settings name."""
    given = SERVICES[name].get("environment", {})
    values = [str(value) for name, value in given.items() if not name.startswith(("EDGE_APIS", "EDGE_LISTEN"))]
    words = [word.rpartition("=")[2] for value in values for word in value.split()]
    hosts = {urlsplit(word if "//" in word else f"//{word}").hostname or "" for word in words if "$" not in word}
    return hosts & SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_names_its_networks_and_meets_whom_its_settings_name(name: str) -> None:
    assert networks(name) <= NETWORKS.keys()
    assert networks(name) or SERVICES[name].get("network_mode") == "none"
    function = FUNCTIONS.get(name)
    settings = environment(function).settings if function else ()
    needed = {DEPENDENCIES[each] for each in settings if each in DEPENDENCIES} if function else addresses(name)
    assert needed - {name} <= meets(name) | _not_for(name)


def _not_for(name: str) -> set[str]:
    """Return what a service is told of and never asks: the addresses that several are given together."""
    direct = {"user_psql", "shared_psql", "event_bus"}
    asks = {
        "topology": {"event_bus"},
        "seed": {"user_psql", "shared_psql"},
        "migrate": {"user_psql", "shared_psql"},
        "relay_user": {"user_psql", "event_bus"},
        "relay_shared": {"shared_psql", "event_bus"},
        "dispatcher": {"shared_psql", "event_bus"},
        "gateway": {"shared_psql", "event_bus", "user_redis"},
        "runner": {"shared_psql"},
    }
    pooled = {
        "celery_worker": {"user_pgbouncer"},
        "flower": {"user_pgbouncer", "shared_pgbouncer"},
    }
    return (direct - asks[name] if name in asks else set()) | pooled.get(name, set())


@pytest.mark.parametrize("name", DATABASES)
def test_what_holds_everything_meets_those_who_must_and_nobody_else(name: str) -> None:
    mates = DATABASES[name]
    assert meets(name) <= mates | DATABASES.keys()
    assert not meets(name) & FUNCTIONS.keys()


@pytest.mark.parametrize("each", [FUNCTIONS[name] for name in sorted(ENDPOINTS)], ids=lambda each: each.name)
def test_an_endpoint_meets_the_edge_and_what_it_declares(each: Declaration) -> None:
    declared = {DEPENDENCIES[name] for name in environment(each).settings if name in DEPENDENCIES}
    met = meets(each.deployment)
    assert met & set(DEPENDENCIES.values()) == declared
    assert "edge" in met
    assert not met & SUBSCRIBERS - (KEEPERS if each.deployment in callers() else set[str]())
    assert not met & (DATABASES.keys() | {"dispatcher"})


@pytest.mark.parametrize("name", sorted(SUBSCRIBERS - KEEPERS))
def test_a_subscriber_meets_the_dispatcher_and_nobody_who_is_reached_from_outside(name: str) -> None:
    allowed = {"dispatcher", "prometheus", *DEPENDENCIES.values()} - {
        "agent_host",
        "localstack",
        "maildev",
    } | SUBSCRIBERS
    if name in SENDERS:
        allowed |= {"maildev"}
    if name in EXPORTERS:
        allowed |= {"localstack"}
    assert "dispatcher" in meets(name) <= allowed


@pytest.mark.parametrize("name", sorted(KEEPERS))
def test_what_keeps_the_words_of_agents_meets_hosts_and_not_the_dispatcher(name: str) -> None:
    others = (
        {"celery_worker", "prometheus", "runner", *DEPENDENCIES.values()} - {"localstack", "maildev"}
        | callers()
        | SUBSCRIBERS
    )
    assert "agent_host" in meets(name) <= others


def callers() -> set[str]:
    """Return the endpoints that speak to agents."""
    return {name for name, each in FUNCTIONS.items() if "AGENT_HOST_URL" in environment(each).settings}


def test_the_worker_meets_a_pooler_redis_and_the_agent_host_with_its_callers() -> None:
    assert meets("celery_worker") == {"shared_pgbouncer", "user_redis", "agent_host", "runner", *KEEPERS} | callers()


def test_agents_meet_those_who_call_them_and_nobody_else() -> None:
    assert callers() == {"read-instance"}
    assert meets("agent_host") == {"celery_worker", "localstack", "runner", *KEEPERS} | callers()
    assert not SERVICES["agent_host"].get("ports")


def test_the_edge_meets_endpoints_the_gateway_and_pages() -> None:
    beside = {"docs", "gateway", "exporter_edge", "prometheus", "maildev", "localstack"}
    assert meets("edge") == ENDPOINTS | beside


def test_nothing_but_what_is_published_or_calls_others_has_a_way_out() -> None:
    leads_out = {name for name, network in FILE["networks"].items() if not network.get("internal")}
    assert leads_out == {name for name, out in NETWORKS.items() if out}
    for name, service in SERVICES.items():
        assert not service.get("ports") or networks(name) & leads_out, f"the ports of {name} lead nowhere"
    out = {name: networks(name) & leads_out for name in FUNCTIONS if networks(name) & leads_out}
    assert out == {name: {way} for name, way in CALLERS_OUT.items()} | {name: {"mail"} for name in SENDERS}


def test_what_calls_addresses_that_people_name_meets_nobody_on_its_way_out() -> None:
    assert {name: way for name in SERVICES for way in WAYS_OUT & networks(name)} == CALLERS_OUT
    # Whoever asks providers meets its like.
    assert [way for way in CALLERS_OUT.values() if way == "webhooks"] == ["webhooks"]


def test_only_who_sends_mail_meets_the_mail_server() -> None:
    assert {name for name in SERVICES if "mail" in networks(name)} == {"maildev", *SENDERS}
