"""The console's files are what its source comes to."""

from pathlib import Path

import pytest

from tools.console import build


@pytest.fixture(scope="module", autouse=True)
def _with_node() -> None:
    if reason := build.missing():
        pytest.skip(reason)


def test_what_is_served_is_what_the_source_comes_to(tmp_path: Path) -> None:
    build.bundle(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in build.BUILT.iterdir())
    stale = [file.name for file in tmp_path.iterdir() if file.read_bytes() != (build.BUILT / file.name).read_bytes()]
    assert stale == [], "run `make console`"


def test_the_types_fit_what_the_apis_say_of_themselves() -> None:
    build.describe_apis()
    build.check_types()
