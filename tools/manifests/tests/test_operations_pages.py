"""Whoever follows the pages of operations finds what they name, and gets what they promise."""

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from cli.__main__ import botberi
from provisioning.local_settings import ROOT
from tools.manifests.rules.network_rules import reaches_what_it_names
from tools.manifests.services import SERVICES
from tools.manifests.tests.kustomize import kustomized
from tools.manifests.yaml_text import load

PAGES = sorted((ROOT / "docs/operations").rglob("*.md"))
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
EVERYTHING = "\n".join(TEXT.values()).replace("\\\n", " ")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)

PLACES = {
    "ID": "evt_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f",
    "SEQ": "1",
    "TYPE": "com.botberi.agent.created.v1",
    "DATABASE": "shared_psql",
    "FOLDER": "docs",
    "environments/dev/secrets": "docs",
}
"""What stands for something else in a command."""

FOR_FAAS_CLI = re.compile(r"OPENFAAS_URL|BOTBERI_(REGISTRY|VERSION)")


def said(pattern: str) -> list[str]:
    return sorted(set(re.findall(pattern, EVERYTHING)))


@pytest.mark.parametrize("module", said(r"python -m ([\w.]+)"))
def test_a_module_that_is_to_be_run_exists(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("target", said(r"(?:`|^|\n)make ([a-z-]+)"))
def test_a_target_of_make_exists(target: str) -> None:
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("job", said(r"job/([\w-]+)"))
def test_a_job_that_is_waited_for_exists(job: str) -> None:
    assert job in {service.name for service in SERVICES if service.once}


def test_every_job_is_waited_for() -> None:
    for name in ("knative.md", "openfaas.md"):
        waited = re.findall(r"job/([\w-]+)", TEXT[ROOT / "docs/operations" / name])
        assert sorted(waited) == sorted(service.name for service in SERVICES if service.once)


@pytest.mark.parametrize("line", said(r"docker compose (?:-\S+ \S+ )*build --push(.*)"))
def test_the_services_that_are_built_bring_every_image(line: str) -> None:
    services = load((ROOT / "docker-compose.local.yml").read_text())["services"]
    built = {services[name]["image"] for name in line.split() or services if "build" in services[name]}
    beside = {service.image for service in SERVICES if "/" not in service.image} | {"pgbouncer"}
    assert beside <= {image.partition("}/")[2].partition(":")[0] for image in built}


@pytest.mark.parametrize("command", said(r"docker compose [^\n`]*"))
def test_compose_is_told_its_file(command: str) -> None:
    assert command.startswith("docker compose -f docker-compose.local.yml ")


@pytest.mark.parametrize("words", [*said(r"`botberi ([^`]+)`"), *said(r"\./botberi ([^\n|`)]+)")])
def test_a_command_of_botberi_takes_what_it_is_given(words: str) -> None:
    command: Any = botberi
    rest = [PLACES.get(word, word) for word in shlex.split(words, comments=True)]
    while isinstance(command, click.Group) and rest:
        name, command, rest = command.resolve_command(click.Context(command), rest)
        assert command is not None, name
    if rest:
        unasked = ["--yes"] if any("--yes" in parameter.opts for parameter in command.params) else []
        command.make_context(command.name, rest + unasked)


@pytest.mark.parametrize("file", said(r"\b(?:deploy|environments|functions|template)/[\w./-]+\w"))
def test_a_file_that_is_named_exists(file: str) -> None:
    made_here = ("deploy/openfaas/mine", "environments/dev/secrets", "environments/prod/secrets")
    assert (ROOT / file).exists() or file.startswith(made_here)


def test_faas_cli_sees_no_address_that_was_meant_for_another_command() -> None:
    page = TEXT[ROOT / "docs/operations/openfaas.md"]
    exported = [name for line in re.findall(r"export (.*)", page) for name in re.findall(r"(\w+)=", line)]
    substituted = set(re.findall(r"\$\{(\w+):-", (ROOT / "stack.yml").read_text()))
    assert [name for name in exported if name in substituted and not FOR_FAAS_CLI.fullmatch(name)] == []


@pytest.mark.parametrize("folder", ["services", "services-ce"])
def test_the_overlay_that_the_page_of_openfaas_makes_is_whole(tmp_path: Path, folder: str) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    page = TEXT[ROOT / "docs/operations/openfaas.md"]
    [script] = [block for block in SHELL.findall(page) if block.startswith("mkdir deploy/openfaas/mine")]
    script = script.replace("../services", f"../{folder}")
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)
    documents = kustomized(str(tmp_path / "deploy/openfaas/mine"))

    assert list(reaches_what_it_names(documents)) == []
    assert images(documents) - ours(documents) == {"nginx:1.26"}


def test_only_our_own_images_come_from_the_registry_of_an_overlay() -> None:
    documents = kustomized("deploy/knative/overlays/prod")
    assert images(documents) - ours(documents) == {"nginx:1.26"}


def images(documents: list[dict[str, Any]]) -> set[str]:
    pods = [each["spec"]["template"]["spec"] for each in documents if "template" in each.get("spec", {})]
    return {container["image"] for pod in pods for container in pod["containers"]}


def ours(documents: list[dict[str, Any]]) -> set[str]:
    return {image for image in images(documents) if image.startswith("registry.example.com/botberi/")}
