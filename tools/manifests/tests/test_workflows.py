import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provisioning.local_settings import ROOT
from tools.local.servers import binaries
from tools.manifests.yaml_text import load

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = load(file.read_text())["jobs"]
    return found


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_every_action_is_pinned_by_its_commit_and_says_its_version(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_every_job_has_the_rights_that_it_names_and_a_time_limit(file: Path) -> None:
    assert load(file.read_text())["permissions"] == {}
    for job in jobs(file).values():
        assert job["permissions"]["contents"] in {"read", "write"}
        assert job["timeout-minutes"] <= 120


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_checkout_leaves_credentials_behind(file: Path) -> None:
    steps = [step for job in jobs(file).values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(jobs(file))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_expression_is_pasted_into_a_script(file: Path) -> None:
    scripts = [step.get("run", "") for job in jobs(file).values() for step in job["steps"]]
    assert [script for script in scripts if "${{" in script] == []


def baked() -> dict[str, Any]:
    """Return what the release would build, by service."""
    docker = binaries.installed("docker")
    if docker is None or subprocess.run([docker, "buildx", "version"], check=False).returncode:
        pytest.skip("docker has no buildx, or is not installed")
    [step] = [step for step in jobs(ROOT / ".github/workflows/release.yml")["images"]["steps"] if "run" in step]
    script = step["run"].replace(" --push", " --push --print")
    environment = {**os.environ, "TAG": "v1.2.3", "GITHUB_REPOSITORY": "Somebody/botberi"}
    run = subprocess.run(["bash", "-euc", script], cwd=ROOT, env=environment, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)["target"]
    return found


def test_a_release_builds_every_image_for_both_architectures_with_its_provenance_and_materials() -> None:
    services = load((ROOT / "docker-compose.local.yml").read_text())["services"]
    targets = baked()
    assert targets.keys() == {name for name, service in services.items() if "build" in service}
    for name, target in targets.items():
        image = services[name]["image"].rpartition("/")[2].partition(":")[0]
        assert target["tags"][0] == f"ghcr.io/somebody/botberi/{image}:1.2.3"
        assert ",".join(target["platforms"]) == "linux/amd64,linux/arm64"
        assert [each for each in ("sbom", "provenance") if each not in json.dumps(target["attest"])] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_what_a_job_makes_is_a_target_of_make(file: Path) -> None:
    scripts = "\n".join(step.get("run", "") for job in jobs(file).values() for step in job["steps"])
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in re.findall(r"\bmake ([a-z-]+)", scripts) if f"\n{target}:" not in makefile] == []


def test_every_image_of_ours_is_scanned_and_signed_and_every_image_gets_its_digest() -> None:
    scripts = {
        file.stem: "\n".join(step.get("run", "") for job in jobs(file).values() for step in job["steps"])
        for file in WORKFLOWS
    }
    every = "config --images"
    assert every in scripts["check"]
    assert "trivy image" in scripts["check"]
    assert every in scripts["release"]
    assert "cosign sign" in scripts["release"]
    assert "config --lock-image-digests" in scripts["release"]


def test_each_night_what_stands_is_looked_at_again() -> None:
    check = ROOT / ".github/workflows/check.yml"
    assert re.search(r'^  schedule:\n    - cron: "\d+ \d+ \* \* \*"$', check.read_text(), re.MULTILINE)
    assert {"audit", "images"} <= set(jobs(check))


def test_dependabot_looks_after_everything_that_is_locked() -> None:
    updates = load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    places = {
        (each["package-ecosystem"], place)
        for each in updates
        for place in each.get("directories", [each.get("directory")])
    }
    npm = {
        ("npm", f"/{file.parent.relative_to(ROOT)}") for file in (ROOT / "deploy/requirements").glob("*/package.json")
    }
    assert npm | {("pip", "/"), ("docker", "/"), ("docker-compose", "/"), ("github-actions", "/")} <= places
