"""A folder as a store of objects."""

import io
from pathlib import Path

import pytest

from core.object_store.base import StoreUnavailable
from core.object_store.folder import FolderStore
from core.object_store.tests.suite import StoreSuite


class TestFolder(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FolderStore:
        return FolderStore(tmp_path / "objects")

    def test_nothing_is_left_of_what_was_not_kept(self, store: FolderStore, tmp_path: Path) -> None:
        for _ in range(2):
            store.put("key", io.BytesIO(b"one"))
        assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["key"]

    def test_a_folder_that_cannot_be_is_said_to(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreUnavailable, match="file/objects: Not a directory"):
            FolderStore(tmp_path / "file" / "objects").put("key", io.BytesIO(b""))
