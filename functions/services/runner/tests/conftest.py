"""Agents of a test's own, which it asks."""

from collections.abc import Callable

import pytest

from functions.services.runner.tests.asking import Asking
from testing.environment import Environment
from testing.launches import Launched


@pytest.fixture
def asking(env: Environment, launch: Callable[..., Launched]) -> Callable[[str], Asking]:
    """`asking(source)` launches an instance of an agent that is this main.py."""
    return lambda source: Asking(env, launch(source))
