from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.runtime.tests.planting import Garden, Plant


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    garden = Garden(tmp_path)
    yield garden.plant
    garden.clear()
