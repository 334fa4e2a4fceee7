"""Fixtures of the event path's tests."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from events.postgres import Session
from events.tests import path as paths
from events.tests.orders import Listener
from events.tests.path import DATABASE, HEAR_ALL, HEAR_SOME, EventPath
from functions.local.testing.world import World


@pytest.fixture(scope="module")
def quiet_path(world: World) -> Iterator[EventPath]:
    """The event path in a world made anew, its topology made, nothing started."""
    world.renew()
    with paths.running(world.session / f"events-{world.worker}", world.environment()) as made:
        made.subscribe(HEAR_ALL, HEAR_SOME)
        yield made


@pytest.fixture(scope="module")
def path(quiet_path: EventPath) -> EventPath:
    """The event path with a relay and a dispatcher running."""
    quiet_path.start("relay")
    quiet_path.start("dispatcher")
    return quiet_path


@pytest.fixture
def listener(quiet_path: EventPath) -> Iterator[Listener]:  # noqa: ARG001 - what makes the world
    """Listen in Postgres on the channel `orders`."""
    with closing(Session(DATABASE, "migrator", name="listener")) as session:
        yield Listener(session)


@pytest.fixture(autouse=True)
def forgetful(request: pytest.FixtureRequest) -> None:
    """Let every test begin with a recorder that knows nothing."""
    if "quiet_path" in request.fixturenames or "path" in request.fixturenames:
        request.getfixturevalue("quiet_path").recorder.forget()
