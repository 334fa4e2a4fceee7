"""One stack and one browser for all files of this folder."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from functions.tests import browsers
from testing.environment import Environment
from testing.stack import Stack, running


@pytest.fixture(scope="package")
def stack(env: Environment) -> Iterator[Stack]:
    """Run the product once for tests that leave it as they found it: its start takes longer than most of them."""
    with running(env) as made:
        yield made


@pytest.fixture(scope="package")
def browser() -> Iterator[Chrome]:
    """Start Chromium once for tests that open a page of their own in it."""
    with browsers.headless() as chrome:
        yield chrome
