"""Fixtures of the manifests' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.manifests.tests.edge_server import Edge, running


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge with the limits far away, and one origin that browsers may call from."""
    settings = {"RATE": "10000r/s", "GUESS_RATE": "10000r/s", "CORS_ORIGINS": "https://a.example https://app.example"}
    with running(tmp_path_factory.mktemp("edge"), **settings) as running_edge:
        yield running_edge


@pytest.fixture
def strict_edge(tmp_path: Path) -> Iterator[Edge]:
    """An edge that lets three requests pass, and two of those that need no session."""
    settings = {"RATE": "1r/m", "BURST": "2", "GUESS_RATE": "1r/m", "GUESS_BURST": "1"}
    with running(tmp_path, **settings) as running_edge:
        yield running_edge
