"""Whether pods reach what their settings name: NetworkPolicies forbid whatever none of them allows, without a word."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from tools.documents import Document
from tools.manifests.rules.knative_rules import containers

ADDRESSES: Final = (
    *("USER_PSQL_URL", "SHARED_PSQL_URL", "USER_REDIS_URL", "EVENT_BUS_URL", "UPSTREAM"),
    *("EDGE_GATEWAY", "EDGE_USER_DOCS", "EDGE_ADMIN_DOCS", "EDGE_BROKER_DOCS"),
)
"""Settings that name one place, as `host:port`, with or without a scheme and a path."""

FROM_OVERLAYS: Final = frozenset({"user-psql", "shared-psql", "user-redis", "event-bus"})
"""What only an overlay brings, or leaves to others outside of the cluster."""

MANAGEMENT: Final = 15672
"""Where the topology asks RabbitMQ what exists, at the host of EVENT_BUS_URL."""

Labels = dict[str, str]


def reaches_what_it_names(documents: list[Document]) -> Iterator[str]:
    """Let every pod find each place that its settings name, be let out to it, and in."""
    for each in documents:
        for container in containers(each):
            for host, port in _named(documents, container):
                yield from _hindrances(documents, each, host, port)


def _named(documents: list[Document], container: Document) -> Iterator[tuple[str, int]]:
    values = _values(documents, container)
    for setting in ADDRESSES:
        if address := values.get(setting):
            parts = urlsplit(address if "//" in address else f"//{address}")
            host = (parts.hostname or "").partition(".")[0]
            yield host, parts.port or 80
            if setting == "EVENT_BUS_URL" and "events.topology" in container.get("args", ()):
                yield host, MANAGEMENT


def _values(documents: list[Document], container: Document) -> dict[str, str]:
    maps = {each["metadata"]["name"]: each.get("data", {}) for each in documents if each["kind"] == "ConfigMap"}
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= maps[source["configMapRef"]["name"]]
    for variable in container.get("env", ()):
        place = (variable.get("valueFrom") or {}).get("configMapKeyRef")
        found[variable["name"]] = maps[place["name"]].get(place["key"]) if place else variable.get("value")
    return found


def _hindrances(documents: list[Document], caller: Document, host: str, port: int) -> Iterator[str]:
    name, mine = caller["metadata"]["name"], _labels(caller)
    service = next((each for each in documents if _is_service(each) and each["metadata"]["name"] == host), None)
    if service is None and host not in FROM_OVERLAYS:
        yield f"{name}: {host}:{port} is named, where nothing is"
        return
    others: list[Labels] = []
    if service is not None and service["spec"].get("type") != "ExternalName":
        ports = {each["port"]: each.get("targetPort", each["port"]) for each in service["spec"].get("ports", ())}
        if port not in ports:
            yield f"{name}: {host}:{port} is named, where nothing is"
            return
        port, others = ports[port], _behind(documents, service)
    if not _passes(documents, "Egress", mine, others, port):
        yield f"{name}: no NetworkPolicy lets it out to {host}:{port}"
    if others and not all(_passes(documents, "Ingress", other, [mine], port) for other in others):
        yield f"{host}: no NetworkPolicy lets {name} in at {port}"


def _is_service(document: Document) -> bool:
    return bool(document["kind"] == "Service" and document["apiVersion"] == "v1")


def _behind(documents: list[Document], service: Document) -> list[Labels]:
    selector = service["spec"]["selector"].items()
    return [_labels(each) for each in documents if containers(each) and selector <= _labels(each).items()]


def _labels(document: Document) -> Labels:
    found: Labels = document["spec"]["template"]["metadata"].get("labels", {})
    return found


def _passes(documents: list[Document], way: str, mine: Labels, others: list[Labels], port: int) -> bool:
    """Return whether a policy lets pods speak at a port; `others` is empty for what is outside of the cluster."""
    far = "to" if way == "Egress" else "from"
    for each in documents:
        spec = each["spec"] if each["kind"] == "NetworkPolicy" else {}
        if way in spec.get("policyTypes", ()) and _selects(spec["podSelector"], mine):
            for rule in spec.get(way.lower(), ()):
                ports = [one["port"] for one in rule.get("ports", ())]
                if (not ports or port in ports) and (far not in rule or _are_meant(rule[far], others)):
                    return True
    return False


def _are_meant(peers: list[Document], others: list[Labels]) -> bool:
    near = [peer["podSelector"] for peer in peers if "podSelector" in peer and "namespaceSelector" not in peer]
    return bool(others) and all(any(_selects(selector, other) for selector in near) for other in others)


def _selects(selector: Document, labels: Labels) -> bool:
    alike = selector.get("matchLabels", {}).items() <= labels.items()
    return alike and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ()))
