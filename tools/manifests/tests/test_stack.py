import copy
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.runtime.environment import environment
from functions.runtime.functions import declarations
from provisioning.local_settings import ROOT
from tools.documents import Document
from tools.local.servers import binaries
from tools.manifests.grouping import groups
from tools.manifests.rules import openfaas_rules as rules
from tools.manifests.rules.knative_rules import (
    confined,
    migrations_are_jobs,
    only_the_edge_is_public,
    secrets_by_reference,
    settings_exist,
)
from tools.manifests.rules.network_rules import reaches_what_it_names
from tools.manifests.tests.kustomize import kustomized
from tools.manifests.yaml_text import RepeatedKeyError, load_all

STANDARD = ROOT / "stack.yml"
COMMUNITY = ROOT / "deploy/openfaas/stack.ce.yml"

Plant = Callable[[dict[str, Any]], object]


def read(file: Path) -> Document:
    return load_all(file.read_text())[0]


def built(file: Path) -> list[dict[str, Any]]:
    """Return the functions that faas-cli builds."""
    return [function for function in read(file)["functions"].values() if not function.get("skip_build")]


@pytest.mark.parametrize("file", [STANDARD, COMMUNITY], ids=lambda file: file.name)
@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_both_stacks_keep_every_rule(file: Path, rule: rules.Rule) -> None:
    assert list(rule(read(file))) == []


@pytest.mark.parametrize("file", [STANDARD, COMMUNITY], ids=lambda file: file.name)
def test_both_stacks_substitute_as_faas_cli_does(file: Path) -> None:
    assert list(rules.substitutions(file.read_text())) == []


def test_the_community_editions_stack_keeps_its_limits() -> None:
    assert list(rules.community(read(COMMUNITY))) == []


PLANTS: list[tuple[rules.Rule, Plant]] = [
    (rules.known_keys, lambda f: f.update(readonly_rootfilesystem=True)),
    (rules.known_keys, lambda f: f["limits"].update(mem="1Mi")),
    (rules.strings, lambda f: f["labels"].update(a=1)),
    (rules.strings, lambda f: f["environment"].update(THREADS=4)),
    (rules.scale_by_labels, lambda f: f["labels"].pop("com.openfaas.scale.max")),
    (rules.scale_by_labels, lambda f: f["annotations"].update({"com.openfaas.scale.max": "1"})),
    (rules.scale_by_labels, lambda f: f["annotations"].update(topic="x")),
    (rules.contained, lambda f: f.pop("readonly_root_filesystem")),
    (rules.contained, lambda f: f["limits"].pop("memory")),
    (rules.contained, lambda f: f["environment"].pop("THREADS")),
    (rules.contained, lambda f: f["annotations"].pop("com.openfaas.health.http.path")),
    (rules.small_builds, lambda f: f.update(handler=".")),
    (rules.small_builds, lambda f: f["build_args"].pop("FUNCTIONS")),
    (rules.no_secret_values, lambda f: f["environment"].update(DB_PASSWORD="x")),
    (rules.community, lambda f: f["labels"].update({"com.openfaas.scale.zero": "true"})),
    (rules.community, lambda f: f["labels"].update({"com.openfaas.scale.max": "6"})),
]


@pytest.mark.parametrize(("rule", "plant"), PLANTS)
def test_a_planted_violation_is_found(rule: rules.Rule, plant: Plant) -> None:
    stack = copy.deepcopy(read(COMMUNITY))
    plant(stack["functions"]["admin"])
    assert len(list(rule(stack))) == 1


@pytest.mark.parametrize("text", ["${A-b}", "${A:?b}", "${A}", "${a:-b}", "${A:-${B:-c}}", "${A:-b"])
def test_a_substitution_that_faas_cli_would_get_wrong_is_found(text: str) -> None:
    assert list(rules.substitutions(text))


@pytest.mark.parametrize("name", ["Login", "log_in", "-login", "a" * 64])
def test_a_name_that_kubernetes_refuses_is_found(name: str) -> None:
    assert list(rules.names({"functions": {name: {}}}))


def test_a_sixteenth_deployment_is_found() -> None:
    stack = read(COMMUNITY)
    member = stack["functions"]["admin"]
    stack["functions"] = {f"f{number}": member for number in range(16)}
    assert list(rules.community(stack)) == ["16 functions, where 15 are allowed"]


def test_a_key_that_stands_twice_is_found() -> None:
    with pytest.raises(RepeatedKeyError, match="labels"):
        load_all("functions:\n  a:\n    labels: {}\n    labels: {}\n")


def test_each_function_has_what_it_needs_and_no_more() -> None:
    functions = read(STANDARD)["functions"]
    for each in declarations():
        needed = environment(each)
        assert tuple(functions[each.deployment]["secrets"]) == needed.secrets
        assert set(functions[each.deployment]["environment"]) == {"THREADS", *needed.settings}


def test_what_waits_for_other_peoples_servers_takes_no_thread_from_the_rest() -> None:
    threads = {name: int(each["environment"]["THREADS"]) for name, each in read(COMMUNITY)["functions"].items()}
    with_callers = {
        name: [each.resources for each in members]
        for name, members in groups(declarations()).items()
        if any(each.resources.calls_out for each in members)
    }
    assert len(with_callers) > 1
    for name, resources in with_callers.items():
        waiting = sum(each.concurrency for each in resources if each.calls_out)
        assert threads[name] == waiting + max(each.concurrency for each in resources if not each.calls_out)


def test_both_stacks_serve_the_same_functions() -> None:
    alone = {f["build_args"]["FUNCTION"] for f in built(STANDARD)}
    grouped = [name for f in built(COMMUNITY) for name in f["build_args"]["FUNCTIONS"].split()]
    assert sorted(grouped) == sorted(alone) == sorted(each.name for each in declarations())


@pytest.mark.parametrize("file", [STANDARD, COMMUNITY], ids=lambda file: file.name)
def test_the_templates_are_in_the_repository_and_take_the_arguments(file: Path) -> None:
    for function in built(file):
        template = ROOT / "template" / function["lang"]
        assert load_all((template / "template.yml").read_text())[0]["language"] == function["lang"]
        taken = re.findall(r"^ARG (\w+)", (template / "Dockerfile").read_text(), re.MULTILINE)
        assert set(function["build_args"]) == set(taken)


@pytest.mark.parametrize("file", [STANDARD, COMMUNITY], ids=lambda file: file.name)
def test_every_base_image_has_its_locked_dependencies(file: Path) -> None:
    for function in built(file):
        group = function["build_args"]["BASE"].partition("/base-")[2].partition(":")[0]
        assert (ROOT / f"deploy/requirements/{group}.txt").is_file()


@pytest.mark.parametrize("file", [STANDARD, COMMUNITY], ids=lambda file: file.name)
@pytest.mark.parametrize("command", [["build", "--shrinkwrap"], ["generate"]], ids=lambda command: command[0])
def test_faas_cli_takes_the_stack(tmp_path: Path, file: Path, command: list[str]) -> None:
    faas_cli = binaries.installed("faas-cli")
    if faas_cli is None:
        pytest.skip("faas-cli is not installed")
    for name in ("functions", "template"):
        shutil.copytree(ROOT / name, tmp_path / name)
    run = subprocess.run([faas_cli, *command, "-f", file], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("folder", ["services", "services-ce"])
def test_what_runs_beside_the_stack_keeps_the_rules_of_kubernetes(folder: str) -> None:
    documents = kustomized(f"deploy/openfaas/{folder}")
    kept = (only_the_edge_is_public, secrets_by_reference, confined, migrations_are_jobs, settings_exist)
    for rule in (*kept, reaches_what_it_names):
        assert list(rule(documents)) == []


def test_functions_find_everything_in_the_namespace_that_it_is_in() -> None:
    elsewhere = {"API_URL", "APP_URL", "SMTP_URL"}
    given = [pair for f in read(STANDARD)["functions"].values() for pair in f["environment"].items()]
    told = [value for name, value in given if name.endswith("_URL") and name not in elsewhere]
    assert told
    assert [value for value in told if not re.search(r"\b[a-z-]+\.(botberi|openfaas)(:|$)", value)] == []


def test_the_dispatcher_finds_subscribers_in_their_group() -> None:
    settings = [
        each for each in kustomized("deploy/openfaas/services-ce") if each["metadata"]["name"] == "botberi-settings"
    ]
    assert settings[0]["data"]["FUNCTIONS_URL"].endswith("/function/subscribers/function/{name}")
    assert "record_audit" in read(COMMUNITY)["functions"]["subscribers"]["build_args"]["FUNCTIONS"]


def test_the_script_that_makes_secrets_reads_those_of_the_stack(tmp_path: Path) -> None:
    faas_cli = tmp_path / "faas-cli"
    faas_cli.write_text('#!/bin/sh\necho "$3"\n')
    faas_cli.chmod(0o755)
    script = [str(ROOT / "deploy/openfaas/secrets.sh"), "folder", str(STANDARD)]
    path = f"{tmp_path}:{os.environ['PATH']}"
    run = subprocess.run(script, env={"PATH": path}, capture_output=True, text=True, check=True)
    assert run.stdout.split() == sorted({name for each in declarations() for name in environment(each).secrets})


def test_the_script_that_makes_secrets_says_why_one_can_be_neither_made_nor_updated(tmp_path: Path) -> None:
    faas_cli = tmp_path / "faas-cli"
    faas_cli.write_text('#!/bin/sh\necho "$2: the gateway is away" >&2\nexit 1\n')
    faas_cli.chmod(0o755)
    script = [str(ROOT / "deploy/openfaas/secrets.sh"), "folder", str(STANDARD)]
    path = f"{tmp_path}:{os.environ['PATH']}"
    run = subprocess.run(script, env={"PATH": path}, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "create: the gateway is away" in run.stderr
    assert "update: the gateway is away" in run.stderr


def test_no_rule_is_without_a_planted_violation() -> None:
    assert {rule for rule, _ in PLANTS} | {rules.names} >= set(rules.RULES)
