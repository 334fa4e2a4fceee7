"""A listener in Postgres, for tests of what the dispatcher brings back there."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from core.postgres.session import Session
from events.tests.orders import Listener
from tools.harness.path import DATABASE, EventPath


@pytest.fixture
def listener(quiet_path: EventPath) -> Iterator[Listener]:
    """Listen in Postgres on the channel `orders`."""
    with closing(Session(DATABASE, "migrator", name="listener")) as session:
        yield Listener(session)
