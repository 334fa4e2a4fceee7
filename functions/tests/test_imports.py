"""What a function loads before its first request: that is most of its cold start."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from functions.runtime.functions import ROOT, files

MODULE_LIMIT = 419
"""Outside of the standard library."""

PACKAGES = {
    # The framework and what it brings.
    *("functions_framework", "cloudevents", "deprecation", "wrapt", "packaging", "google"),
    *("flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker"),
    # Ours.
    *("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions", "sqlalchemy"),
    *("core", "events", "functions", "shared_psql_models", "cython_runtime"),
    # Loaded by the Python of some distributions itself.
    "sitecustomize",
}
"""Whatever else a function uses, it imports when it needs it."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    """Return what each function loads, in a process with an empty environment."""
    command = [sys.executable, "-m", "functions.tests.import_probe"]
    environment = {"PYTHONPATH": str(ROOT.parent)}
    run = subprocess.run(command, env=environment, cwd=os.sep, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {line["name"]: line for line in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize("name", [file.stem for file in files()])
def test_a_function_loads_few_modules_and_nothing_that_it_may_not_need(loaded: dict[str, Any], name: str) -> None:
    packages = {package for package in loaded[name]["packages"] if not package.startswith("_")}
    assert packages <= PACKAGES
    assert loaded[name]["modules"] <= MODULE_LIMIT


@pytest.mark.parametrize("name", [file.stem for file in files()])
def test_a_function_reads_no_source_when_it_starts(loaded: dict[str, Any], name: str) -> None:
    # Pydantic's use_attribute_docstrings does, and takes longer for it than for all else about a model.
    assert loaded[name]["sources"] == []
