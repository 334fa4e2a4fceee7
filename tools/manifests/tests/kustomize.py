"""What kustomize makes of a folder, or a test skipped where kubectl is missing."""

import subprocess
from functools import cache

import pytest

from provisioning.local_settings import ROOT
from tools.documents import Document
from tools.local.servers import binaries
from tools.manifests.yaml_text import load_all


@cache
def kustomized(folder: str) -> list[Document]:
    kubectl = binaries.installed("kubectl")
    if kubectl is None:
        pytest.skip("kubectl, which has kustomize in it, is not installed")
    run = subprocess.run([kubectl, "kustomize", ROOT / folder], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return load_all(run.stdout)
