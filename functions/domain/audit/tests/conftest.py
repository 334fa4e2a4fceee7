from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def page() -> str:
    """The page of the audit trail."""
    return (Path(__file__).parents[4] / "docs/security/audit.md").read_text(encoding="utf-8")
