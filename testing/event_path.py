"""Fixtures of the event path: relay and dispatcher as processes, on a database and a vhost of the test's own."""

from collections.abc import Iterator

import pytest

from testing.environment import Environment
from tools.harness import path as paths
from tools.harness.path import RECEIVE_ALL, RECEIVE_SOME, EventPath


@pytest.fixture(scope="module")
def quiet_path(env: Environment) -> Iterator[EventPath]:
    """Make the event path in an environment made anew, its topology made, nothing started."""
    env.renew()
    with paths.running(env.session / f"events-{env.worker}", env.environment()) as made:
        made.subscribe(RECEIVE_ALL, RECEIVE_SOME)
        yield made


@pytest.fixture(scope="module")
def path(quiet_path: EventPath) -> EventPath:
    """Start a relay and a dispatcher on the event path."""
    quiet_path.start("relay")
    quiet_path.start("dispatcher")
    return quiet_path


@pytest.fixture(autouse=True)
def forgetful(request: pytest.FixtureRequest) -> None:
    """Let every test begin with a recorder that knows nothing."""
    if "quiet_path" in request.fixturenames:
        request.getfixturevalue("quiet_path").recorder.forget()
