"""Images and the running topology, for tests that need a container engine; without one they say so and are left out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.local_settings import ROOT
from testing import compose_stack
from testing.compose_stack import Topology
from tools.images import images
from tools.images.engine import why_not


@pytest.fixture(scope="session")
def engine() -> None:
    if reason := why_not():
        pytest.skip(f"containers are not tested: {reason}")


@pytest.fixture(scope="session")
def built(engine: None) -> str:
    """Build every image, and return the prefix of their names."""
    images.build(ROOT, images.VERSION)
    images.build_bases(["function"])
    return images.REGISTRY


@pytest.fixture(scope="session")
def running(built: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """The whole topology, on free ports of this machine."""
    with compose_stack.running(tmp_path_factory.mktemp("environment")) as made:
        yield made


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A function that waits and says back what it was sent."""
    file = tmp_path / "say_back.py"
    file.write_text(FUNCTION)
    file.chmod(0o644)
    return file


FUNCTION = '''"""POST /v1/say_back: say back what was sent, when /tmp/released is there."""

import time
from pathlib import Path

from functions.runtime.endpoint import endpoint
from functions.schemas.base import Body, Reply


class Said(Body):
    text: str


class Received(Reply):
    text: str


@endpoint("POST", "/v1/say_back")
def say_back(said: Said) -> Received:
    Path("/tmp/asked").touch()
    while said.text == "wait" and not Path("/tmp/released").exists():
        time.sleep(0.01)
    return Received(text=said.text)
'''
