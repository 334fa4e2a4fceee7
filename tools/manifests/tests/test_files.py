"""The generated files are up to date."""

import re
from pathlib import Path

import pytest

from provisioning import secrets
from provisioning.local_settings import ROOT
from tools.manifests import files
from tools.manifests.settings_table import SETTINGS

READ = re.compile(r"""(?:setting\(|os\.environ\.get\(|os\.environ\[)["']([A-Z_]+)["']""")

TOOLING = ("tests", "agents")
"""Folders whose settings are their own business."""


def test_no_generated_file_is_stale() -> None:
    assert files.stale() == [], "run `make manifests`"


def test_a_file_that_was_changed_by_hand_or_is_missing_is_stale(tmp_path: Path) -> None:
    written = files.write(tmp_path)
    assert files.stale(tmp_path) == []
    (tmp_path / written[0]).write_text("by hand")
    (tmp_path / written[1]).unlink()
    assert files.stale(tmp_path) == written[:2]


@pytest.mark.parametrize("package", ["functions", "events", "migrations"])
def test_every_setting_that_is_read_is_explained(package: str) -> None:
    sources = [file for file in (ROOT / package).rglob("*.py") if not set(TOOLING) & set(file.parts)]
    read = {name for file in sources for name in READ.findall(file.read_text(encoding="utf-8"))}
    # What an agent is told stands in its contract.
    assert read - {"AGENT_CONFIG"} <= SETTINGS.keys()


def test_every_secret_that_is_made_is_explained() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    assert [name for name in secrets.names() if f"| `{name}` |" not in page] == []
