"""What an overlay gets that names the component for versions which are images, and what its driver deploys."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from core.http_client import Address
from functions.drivers.base import VersionDeployment
from functions.drivers.knative import KnativeDriver
from functions.drivers.platform_api import PlatformApi
from functions.drivers.tests.fake_kubernetes import BEARER, NAMESPACE, FakeKubernetes
from functions.drivers.tests.fake_platform import image, serving
from provisioning.local_settings import ROOT
from tools.documents import Document
from tools.manifests.rules import knative_rules as rules
from tools.manifests.rules.network_rules import reaches_what_it_names
from tools.manifests.tests.kustomize import kustomized
from tools.manifests.tests.test_knative import named

HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: botberi\n"


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    folder = tmp_path_factory.mktemp("overlay")
    knative = os.path.relpath(ROOT / "deploy/knative", folder)
    lines = [f"resources: [{knative}/base]", f"components: [{knative}/components/versions]"]
    (folder / "kustomization.yaml").write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return kustomized(str(folder))


def test_the_worker_has_an_account_that_may_look_after_services(overlay: list[Document]) -> None:
    pod = named(overlay, "Deployment", "worker")["spec"]["template"]["spec"]
    binding = named(overlay, "RoleBinding", "versions")
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("worker", True)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "worker", "namespace": "botberi"}]
    others = [each for each in overlay if each["kind"] == "Deployment" and each["metadata"]["name"] != "worker"]
    assert {each["spec"]["template"]["spec"].get("automountServiceAccountToken") for each in others} == {False}


def test_the_overlay_says_where_versions_run_and_keeps_every_other_rule(overlay: list[Document]) -> None:
    assert named(overlay, "ConfigMap", "botberi-settings")["data"]["DRIVER"] == "knative"
    found = [violation for rule in [*rules.RULES, reaches_what_it_names] for violation in rule(overlay)]
    assert found == ["worker: has a token for Kubernetes' API"]


def test_no_version_reaches_what_is_in_the_cluster() -> None:
    text = (ROOT / "deploy/knative/components/versions/network.yaml").read_text()
    for private in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"):
        assert private in text


@pytest.mark.parametrize(
    "rule",
    [rules.bounded_scale, rules.known_annotations, rules.time_limits, rules.plain_pods, rules.reserved_names],
    ids=lambda rule: rule.__name__,
)
def test_a_deployed_version_keeps_the_rules_of_functions(rule: Callable[[list[Any]], Any]) -> None:
    with serving(platform := FakeKubernetes()):
        api = PlatformApi(Address(platform.url), lambda: {"Authorization": f"Bearer {BEARER}"}, 20)
        KnativeDriver(api, NAMESPACE).deploy(VersionDeployment("ver_1", image("good"), timeout=600), 1)
    assert list(rule(list(platform.services.values()))) == []
