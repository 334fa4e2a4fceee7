"""The fixtures that every test may use."""

import json
from collections.abc import Iterator

import pytest

from functions.local.ports import Ports
from functions.local.testing import session
from functions.local.testing.world import World, inhabited


@pytest.fixture(scope="session")
def world(worker_id: str, testrun_uid: str) -> Iterator[World]:
    """Real services for this worker: settings and secrets in the environment, databases migrated, nothing in them."""
    with session.joined(testrun_uid) as folder:
        ports = Ports(**json.loads((folder / session.READY).read_text()))
        with inhabited(folder, ports, worker_id) as made:
            yield made
