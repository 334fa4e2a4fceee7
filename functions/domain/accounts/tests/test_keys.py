import json
import stat
from pathlib import Path

import pytest

from functions.domain.accounts import keys


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOTBERI_SECRETS", str(tmp_path))
    keys.generate(tmp_path)
    return tmp_path


def test_two_keys_are_live_and_one_of_them_signs(folder: Path) -> None:
    public = [key["kid"] for key in keys.public_keys()]
    assert len(set(public)) == 2
    assert keys.signing_key()[0] == public[0]
    assert len(json.loads((folder / keys.PRIVATE).read_text())["keys"]) == 2


@pytest.mark.usefixtures("folder")
def test_nothing_private_is_among_the_public_keys() -> None:
    assert {name for key in keys.public_keys() for name in key} == {"kid", "kty", "crv", "x", "use", "alg"}


@pytest.mark.parametrize("name", [keys.PRIVATE, keys.PUBLIC])
def test_only_their_owner_may_read_them(folder: Path, name: str) -> None:
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_nothing_unfinished_is_left(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {keys.PRIVATE, keys.PUBLIC}


def test_the_key_that_does_not_sign_is_exchanged_and_then_signs(folder: Path) -> None:
    first, second = (key["kid"] for key in keys.public_keys())
    old, new = keys.renew(folder)
    assert (old, new != second) == (second, True)
    assert [key["kid"] for key in keys.public_keys()] == [first, new]
    assert keys.signing_key()[0] == first
    assert keys.signs_since(folder) == 0
    assert keys.switch(folder) == new
    assert keys.signing_key()[0] == new
    assert keys.signs_since(folder) > 0
    assert {key["kid"] for key in keys.public_keys()} == {first, new}
    assert {file.name for file in folder.iterdir()} == {keys.PRIVATE, keys.PUBLIC}


def test_generating_again_makes_other_keys(folder: Path) -> None:
    before = keys.public_keys()
    keys.generate(folder)
    assert not {key["x"] for key in before} & {key["x"] for key in keys.public_keys()}
