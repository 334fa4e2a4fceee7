"""What the manifests for Knative must keep to: most of it is accepted without a word and fails when it runs."""

from collections.abc import Callable, Iterator
from typing import Final

from tools.documents import Document

Rule = Callable[[list[Document]], Iterator[str]]

ANNOTATIONS: Final = frozenset(f"autoscaling.knative.dev/{name}-scale" for name in ("min", "max", "initial"))

RESERVED_PORTS: Final = frozenset({8008, 8012, 8013, 8022, 8112, 9090, 9091})

PROXY_DRAIN: Final = 45
LONGEST: Final = 600

POD_FIELDS: Final = frozenset(
    {
        "containerConcurrency",
        "timeoutSeconds",
        "responseStartTimeoutSeconds",
        "serviceAccountName",
        "automountServiceAccountToken",
        "enableServiceLinks",
        "containers",
        "volumes",
    }
)
"""Of a revision; what needs one of Knative's feature flags (affinity, initContainers, …) is not here."""


def services(documents: list[Document]) -> Iterator[tuple[str, Document, Document, Document]]:
    """Yield each Knative Service's name, template, revision and container."""
    for each in documents:
        if each["apiVersion"].startswith("serving.knative.dev/"):
            template = each["spec"]["template"]
            yield each["metadata"]["name"], template, template["spec"], template["spec"]["containers"][0]


def environment(container: Document) -> dict[str, str | None]:
    """Return a container's variables; None where the value comes from elsewhere."""
    return {each["name"]: each.get("value") for each in container.get("env", [])}


def bounded_scale(documents: list[Document]) -> Iterator[str]:
    """Bound the scale on the template: without `max-scale`, or with 0, a burst becomes a storm of connections."""
    for name, template, _, _ in services(documents):
        annotations = template["metadata"].get("annotations", {})
        if int(annotations.get("autoscaling.knative.dev/max-scale", 0)) < 1:
            yield f"{name}: no max-scale on the template"
    for each in documents:
        for key in each["metadata"].get("annotations", {}):
            if key.startswith("autoscaling.knative.dev/"):
                yield f"{each['metadata']['name']}: {key} does nothing outside the template"


def known_annotations(documents: list[Document]) -> Iterator[str]:
    """Use only annotations that are known: a misspelt one is accepted silently."""
    for name, template, _, _ in services(documents):
        for key in template["metadata"].get("annotations", {}):
            if key not in ANNOTATIONS:
                yield f"{name}: {key} is no annotation that is known here"


def threads_are_concurrency(documents: list[Document]) -> Iterator[str]:
    """Give each container as many threads as it gets requests at a time."""
    for name, _, revision, container in services(documents):
        if environment(container).get("THREADS") != str(revision.get("containerConcurrency")):
            yield f"{name}: THREADS differs from containerConcurrency"


def time_limits(documents: list[Document]) -> Iterator[str]:
    """Leave the proxy time to drain, and let no answer begin after the request's end."""
    for name, _, revision, _ in services(documents):
        limit = revision.get("timeoutSeconds", 0)
        if not PROXY_DRAIN <= limit <= LONGEST:
            yield f"{name}: timeoutSeconds {limit} is not within {PROXY_DRAIN} and {LONGEST}"
        if revision.get("responseStartTimeoutSeconds", 0) > limit:
            yield f"{name}: responseStartTimeoutSeconds is above timeoutSeconds"


def probes(documents: list[Document]) -> Iterator[str]:
    """Ask for readiness the way that Knative starts fast with, and give start-up probes a port."""
    for name, _, _, container in services(documents):
        readiness = container.get("readinessProbe", {})
        if readiness.get("httpGet", {}).get("path") != "/_/ready" or readiness.get("periodSeconds") != 0:
            yield f"{name}: the readiness probe is not /_/ready with periodSeconds 0"
        startup = container.get("startupProbe", {}).get("httpGet")
        if startup is not None and "port" not in startup:
            yield f"{name}: a startupProbe without its port never ends"


def plain_pods(documents: list[Document]) -> Iterator[str]:
    """Use nothing that Knative refuses or that needs one of its feature flags."""
    for name, _, revision, container in services(documents):
        for key in revision.keys() - POD_FIELDS:
            yield f"{name}: {key} is not for a Knative Service"
        if "lifecycle" in container:
            yield f"{name}: lifecycle is not for a Knative Service"
        if any("fieldRef" in (each.get("valueFrom") or {}) for each in container.get("env", [])):
            yield f"{name}: fieldRef is not for a Knative Service"
        if any("hostPath" in volume for volume in revision.get("volumes", [])):
            yield f"{name}: hostPath is not for a Knative Service"


def reserved_names(documents: list[Document]) -> Iterator[str]:
    """Leave Knative its own variables, ports and container."""
    for name, _, _, container in services(documents):
        for variable in environment(container):
            if variable == "PORT" or variable.startswith("K_"):
                yield f"{name}: the variable {variable} is reserved"
        for port in container.get("ports", []):
            if port["containerPort"] in RESERVED_PORTS:
                yield f"{name}: the port {port['containerPort']} is reserved"
        if container.get("name") == "queue-proxy":
            yield f"{name}: the container name queue-proxy is reserved"


def only_the_edge_is_public(documents: list[Document]) -> Iterator[str]:
    """Let nobody reach a function from outside but through the edge."""
    for each in documents:
        name, labels = each["metadata"]["name"], each["metadata"].get("labels", {})
        serving = each["apiVersion"].startswith("serving.knative.dev/")
        if serving and labels.get("networking.knative.dev/visibility") != "cluster-local":
            yield f"{name}: not cluster-local"
        if each["kind"] == "Service" and each["spec"].get("type") in {"LoadBalancer", "NodePort"} and name != "edge":
            yield f"{name}: public"
        if each["kind"] in {"Ingress", "HTTPRoute", "DomainMapping"}:
            yield f"{name}: a {each['kind']} beside the edge"


def only_the_dispatcher_delivers(documents: list[Document]) -> Iterator[str]:
    """Leave deliveries to the dispatcher: nothing of Eventing's signs them, and subscribers refuse the rest."""
    for each in documents:
        if ".knative.dev/" in each["apiVersion"] and not each["apiVersion"].startswith("serving."):
            yield f"{each['metadata']['name']}: a {each['kind']} beside the dispatcher"


def secrets_by_reference(documents: list[Document]) -> Iterator[str]:
    """Keep every secret in a Secret, mounted as a file; none in these files, and none in an environment variable."""
    for each in documents:
        name = each["metadata"]["name"]
        if each["kind"] == "Secret":
            yield f"{name}: a Secret in the repository"
        for container in containers(each):
            for variable in container.get("env", []):
                if "secretKeyRef" in (variable.get("valueFrom") or {}):
                    yield f"{name}: {variable['name']} shows a secret to whatever the process starts"


def confined(documents: list[Document]) -> Iterator[str]:
    """Confine every container: no root, no rights, a read-only file system, bounded memory, no token, no links."""
    for each in documents:
        name, pod = each["metadata"]["name"], pod_of(each)
        if pod is None:
            continue
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name}: has a token for Kubernetes' API"
        if "dependency" not in str(each["spec"]["template"]["metadata"]) and pod.get("enableServiceLinks") is not False:
            yield f"{name}: enableServiceLinks is on"
        if not each["apiVersion"].startswith("serving.knative.dev/") and not pod.get("securityContext"):
            yield f"{name}: a container that is added to its pod would be open"
        for container in containers(each):
            security = container.get("securityContext", {})
            if not _is_confined(security):
                yield f"{name}: its security context leaves something open"
            if "memory" not in container.get("resources", {}).get("limits", {}):
                yield f"{name}: its memory is not bounded"


def _is_confined(security: Document) -> bool:
    return (
        security.get("runAsNonRoot") is True
        and security.get("runAsUser", 0) > 0
        and security.get("readOnlyRootFilesystem") is True
        and security.get("allowPrivilegeEscalation") is False
        and security.get("capabilities") == {"drop": ["ALL"]}
        and security.get("seccompProfile") == {"type": "RuntimeDefault"}
    )


def migrations_are_jobs(documents: list[Document]) -> Iterator[str]:
    """Migrate in a Job, never at a container's start."""
    for each in documents:
        for container in containers(each):
            if "migrations" in container.get("args", []) and each["kind"] != "Job":
                yield f"{each['metadata']['name']}: migrates, but is a {each['kind']}"


def settings_exist(documents: list[Document]) -> Iterator[str]:
    """Let every variable that comes from a ConfigMap find its key there."""
    maps = {each["metadata"]["name"]: each.get("data", {}) for each in documents if each["kind"] == "ConfigMap"}
    for each in documents:
        for container in containers(each):
            for variable in container.get("env", []):
                place = (variable.get("valueFrom") or {}).get("configMapKeyRef")
                if place is not None and place["key"] not in maps.get(place["name"], {}):
                    yield f"{each['metadata']['name']}: {place['name']} has no {place['key']}"


def pod_of(document: Document) -> Document | None:
    """Return the pod that a document makes, if it makes one."""
    pod: Document | None = document.get("spec", {}).get("template", {}).get("spec")
    return pod


def containers(document: Document) -> list[Document]:
    """Return the containers of the pod that a document makes."""
    found: list[Document] = (pod_of(document) or {}).get("containers", [])
    return found


RULES: Final[tuple[Rule, ...]] = (
    bounded_scale,
    known_annotations,
    threads_are_concurrency,
    time_limits,
    probes,
    plain_pods,
    reserved_names,
    only_the_edge_is_public,
    only_the_dispatcher_delivers,
    secrets_by_reference,
    confined,
    migrations_are_jobs,
    settings_exist,
)
