import copy
import importlib.util
import tomllib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from functions.runtime.environment import environment
from functions.runtime.functions import declarations
from migrations.databases import ROLES
from provisioning.local_settings import ROOT
from tools.documents import Document
from tools.manifests import files
from tools.manifests.rules import knative_rules as rules
from tools.manifests.rules.connections import within_limits
from tools.manifests.rules.network_rules import reaches_what_it_names
from tools.manifests.services import SERVICES
from tools.manifests.tests.kustomize import kustomized
from tools.manifests.yaml_text import load_all

OVERLAYS = ("dev", "prod")

Plant = Callable[[dict[str, Any]], object]


@cache
def written() -> list[Document]:
    """What the repository holds, without an overlay: enough for the rules where kustomize is missing."""
    places = [*(ROOT / "deploy/kubernetes").glob("*.yaml"), *(ROOT / "deploy/knative/base").glob("*.yaml")]
    partial = ("kustomization.yaml", "settings.yaml")
    files = [place for place in places if place.name not in partial] + [ROOT / "deploy/kubernetes/settings.yaml"]
    return [document for file in sorted(files) for document in load_all(file.read_text())]


def named(documents: list[Document], kind: str, name: str) -> Document:
    return next(each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name))


@pytest.mark.parametrize("rule", [*rules.RULES, reaches_what_it_names], ids=lambda rule: rule.__name__)
def test_the_manifests_keep_every_rule(rule: rules.Rule) -> None:
    assert list(rule(written())) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("rule", [*rules.RULES, reaches_what_it_names, within_limits], ids=lambda rule: rule.__name__)
def test_each_overlay_keeps_every_rule(overlay: str, rule: rules.Rule) -> None:
    assert list(rule(kustomized(f"deploy/knative/overlays/{overlay}"))) == []


def template(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["spec"]["template"]
    return found


def container(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template(document)["spec"]["containers"][0]
    return found


SCALE = "autoscaling.knative.dev/max-scale"


PLANTS: list[tuple[rules.Rule, Plant]] = [
    (rules.bounded_scale, lambda d: template(d)["metadata"]["annotations"].pop(SCALE)),
    (rules.bounded_scale, lambda d: template(d)["metadata"]["annotations"].update({SCALE: "0"})),
    (rules.bounded_scale, lambda d: d["metadata"].update(annotations={SCALE: "5"})),
    (rules.known_annotations, lambda d: template(d)["metadata"]["annotations"].update({SCALE + "s": "5"})),
    (rules.threads_are_concurrency, lambda d: template(d)["spec"].update(containerConcurrency=9)),
    (rules.time_limits, lambda d: template(d)["spec"].update(timeoutSeconds=30, responseStartTimeoutSeconds=5)),
    (rules.time_limits, lambda d: template(d)["spec"].update(timeoutSeconds=601)),
    (rules.time_limits, lambda d: template(d)["spec"].update(responseStartTimeoutSeconds=500)),
    (rules.probes, lambda d: container(d)["readinessProbe"].update(periodSeconds=10)),
    (rules.probes, lambda d: container(d)["readinessProbe"].update(httpGet={"path": "/"})),
    (rules.probes, lambda d: container(d).update(startupProbe={"httpGet": {"path": "/_/ready"}})),
    (rules.plain_pods, lambda d: template(d)["spec"].update(affinity={})),
    (rules.plain_pods, lambda d: template(d)["spec"].update(initContainers=[])),
    (rules.plain_pods, lambda d: template(d)["spec"].update(securityContext={})),
    (rules.plain_pods, lambda d: container(d).update(lifecycle={})),
    (rules.plain_pods, lambda d: container(d)["env"].append({"name": "A", "valueFrom": {"fieldRef": {}}})),
    (rules.plain_pods, lambda d: template(d)["spec"]["volumes"].append({"name": "a", "hostPath": {}})),
    (rules.reserved_names, lambda d: container(d)["env"].append({"name": "PORT", "value": "1"})),
    (rules.reserved_names, lambda d: container(d)["env"].append({"name": "K_SINK", "value": "1"})),
    (rules.reserved_names, lambda d: container(d)["ports"].append({"containerPort": 8012})),
    (rules.reserved_names, lambda d: container(d).update(name="queue-proxy")),
    (rules.only_the_edge_is_public, lambda d: d["metadata"]["labels"].pop("networking.knative.dev/visibility")),
    (
        rules.only_the_dispatcher_delivers,
        lambda d: d.update(apiVersion="sources.knative.dev/v1alpha1", kind="RabbitmqSource"),
    ),
    (rules.secrets_by_reference, lambda d: d.update(kind="Secret")),
    (
        rules.secrets_by_reference,
        lambda d: container(d)["env"].append({"name": "A", "valueFrom": {"secretKeyRef": {}}}),
    ),
    (rules.confined, lambda d: template(d)["spec"].pop("automountServiceAccountToken")),
    (rules.confined, lambda d: template(d)["spec"].update(enableServiceLinks=True)),
    (rules.confined, lambda d: container(d)["securityContext"].update(readOnlyRootFilesystem=False)),
    (rules.confined, lambda d: container(d)["securityContext"].update(runAsUser=0)),
    (rules.confined, lambda d: container(d)["securityContext"].update(capabilities={})),
    (rules.confined, lambda d: container(d)["resources"]["limits"].pop("memory")),
    (rules.migrations_are_jobs, lambda d: container(d).update(args=["migrations", "upgrade"])),
    (
        rules.settings_exist,
        lambda d: container(d)["env"].append(
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "botberi-settings", "key": "A"}}}
        ),
    ),
]


@pytest.mark.parametrize(("rule", "plant"), PLANTS)
def test_a_planted_violation_is_found(rule: rules.Rule, plant: Plant) -> None:
    documents = copy.deepcopy(written())
    plant(named(documents, "Service", "login"))
    assert len(list(rule(documents))) == 1


def test_a_pod_without_a_security_context_of_its_own_is_found() -> None:
    documents = copy.deepcopy(written())
    template(named(documents, "Deployment", "edge"))["spec"].pop("securityContext")
    assert list(rules.confined(documents)) == ["edge: a container that is added to its pod would be open"]


def test_the_gateway_may_be_moved_one_by_one_and_is_watched() -> None:
    budget = named(written(), "PodDisruptionBudget", "gateway")["spec"]
    assert budget["maxUnavailable"] < named(written(), "Deployment", "gateway")["spec"]["replicas"]
    assert container(named(written(), "Deployment", "gateway"))["readinessProbe"]["httpGet"]["path"] == "/_/ready"


@pytest.mark.parametrize(
    ("kind", "name", "plant", "what"),
    [
        ("Service", "login", lambda d: template(d)["metadata"]["annotations"].update({SCALE: "999"}), "clients"),
        ("Deployment", "pgbouncer-user", lambda d: d["spec"].update(replicas=9), "connections"),
        ("Deployment", "relay-user", lambda d: d["spec"].update(replicas=99), "connections"),
    ],
)
def test_more_connections_than_a_database_takes_are_found(kind: str, name: str, plant: Plant, what: str) -> None:
    documents = copy.deepcopy(kustomized("deploy/knative/overlays/prod"))
    plant(named(documents, kind, name))
    assert [what in violation for violation in within_limits(documents)] == [True]


@pytest.mark.parametrize("each", declarations(), ids=lambda each: each.name)
def test_each_function_is_given_what_it_needs(each: Any) -> None:
    service = named(written(), "Service", each.deployment)
    secrets = [volume for volume in template(service)["spec"]["volumes"] if volume["name"] == "secrets"]
    mounted = [source["secret"]["name"] for volume in secrets for source in volume["projected"]["sources"]]
    assert tuple(mounted) == environment(each).secrets
    assert set(rules.environment(container(service))) == {"THREADS", *environment(each).settings}


@pytest.mark.parametrize("database", ["user", "shared"])
def test_whoever_makes_the_roles_is_given_the_password_of_each(database: str) -> None:
    job = named(kustomized("deploy/knative/overlays/dev"), "Job", f"provision-{database}")
    [secrets] = [volume for volume in template(job)["spec"]["volumes"] if volume["name"] == "secrets"]
    mounted = {source["secret"]["name"] for source in secrets["projected"]["sources"]}
    assert mounted == {"psql-superuser", *(f"{database}-psql-{role}" for role in ROLES)}


@pytest.mark.parametrize(
    "service", [service for service in SERVICES if "/" not in service.image], ids=lambda service: service.name
)
def test_each_part_runs_a_module_that_exists(service: Any) -> None:
    module = service.command[-1] if service.command else service.args[0]
    assert importlib.util.find_spec(module) is not None


def test_the_version_of_the_images_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == files.VERSION


def test_no_rule_is_without_a_planted_violation() -> None:
    assert {rule for rule, _ in PLANTS} >= set(rules.RULES)
