"""A pod that would not reach what its settings name is found before it waits for it in a cluster."""

import copy
from ipaddress import ip_address, ip_network

import pytest

from tools.documents import Document
from tools.manifests.rules.network_rules import reaches_what_it_names
from tools.manifests.tests.kustomize import kustomized
from tools.manifests.tests.test_knative import Plant, named, written


@pytest.mark.parametrize(
    ("kind", "name", "plant", "what"),
    [
        ("ConfigMap", "botberi-edge", lambda d: d["data"].update(EDGE_GATEWAY="gateway:8080"), "where nothing is"),
        ("ConfigMap", "botberi-edge", lambda d: d["data"].update(EDGE_GATEWAY="gatway:8040"), "where nothing is"),
        ("ConfigMap", "botberi-settings", lambda d: d["data"].update(USER_REDIS_URL="edge:8090"), "exporter-redis:"),
        ("NetworkPolicy", "gateway", lambda d: d["spec"]["ingress"][0]["ports"][0].update(port=80), "lets edge in"),
        ("NetworkPolicy", "gateway", lambda d: d["spec"]["ingress"][0].update({"from": []}), "lets edge in"),
        ("NetworkPolicy", "poolers", lambda d: d["spec"]["ingress"].clear(), "pgbouncer-user: no"),
        ("NetworkPolicy", "functions", lambda d: d["spec"]["egress"].pop(), "converge-instance: no"),
        ("NetworkPolicy", "topology", lambda d: d["spec"]["egress"][0]["ports"][0].update(port=5672), "15672"),
    ],
)
def test_what_keeps_a_pod_from_what_it_names_is_found(kind: str, name: str, plant: Plant, what: str) -> None:
    documents = copy.deepcopy(written())
    plant(named(documents, kind, name))
    assert any(what in violation for violation in reaches_what_it_names(documents))


def test_a_way_to_pods_is_no_way_out_of_the_cluster() -> None:
    documents = copy.deepcopy(kustomized("deploy/knative/overlays/prod"))
    policy = named(documents, "NetworkPolicy", "functions")
    policy["spec"]["egress"][1]["to"] = [{"podSelector": {}}]
    assert "converge-instance: no NetworkPolicy lets it out to user-redis:6379" in reaches_what_it_names(documents)


def test_what_another_namespace_may_is_not_what_a_pod_here_may() -> None:
    documents = copy.deepcopy(written())
    policy = named(documents, "NetworkPolicy", "gateway")
    policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"] = {}
    assert list(reaches_what_it_names(documents)) == ["gateway: no NetworkPolicy lets edge in at 8040"]


def allows(block: Document, address: str) -> bool:
    """Return whether a block of a policy has an address in it."""
    but = any(ip_address(address) in ip_network(each) for each in block.get("except", ()))
    return ip_address(address) in ip_network(block["cidr"]) and not but


@pytest.mark.parametrize("policy", ["agent-host", "push-notifications"])
@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        *((address, True) for address in ("8.8.8.8", "2606:4700::1111")),
        *((address, False) for address in ("10.0.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254", "fd00::1")),
    ],
)
def test_agents_and_notifications_are_let_out_to_whatever_port_of_the_internet_and_to_no_private_address(
    policy: str, address: str, allowed: bool
) -> None:
    egress = named(written(), "NetworkPolicy", policy)["spec"]["egress"]
    anywhere = [to["ipBlock"] for rule in egress if "ports" not in rule for to in rule["to"] if "ipBlock" in to]
    assert any(allows(block, address) for block in anywhere) == allowed
