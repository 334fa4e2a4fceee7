"""Stores by their addresses."""

import io
from pathlib import Path

import pytest

from core.object_store.opening import NotAStoreError, open_store
from core.object_store.s3 import S3Store


def test_a_folder_is_opened_by_its_path(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/with%20space").put("key", io.BytesIO(b"one"))
    assert (tmp_path / "with space" / "key").read_bytes() == b"one"


def test_a_bucket_is_opened_without_asking_for_anything() -> None:
    store = open_store("s3://bucket/some/prefix?region=eu-central-1&endpoint=http://127.0.0.1:1")
    assert isinstance(store, S3Store)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bucket",
        "file://host/folder",
        "file:folder",
        "s3://",
        "s3://bucket?secret=x",
        "https://bucket",
        "s3://b?region",
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(NotAStoreError, match="is no store: give file:///folder"):
        open_store(address)


def test_a_key_that_is_no_pair_is_refused_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "object-store-key").write_text("onlyone")
    monkeypatch.setenv("BOTBERI_SECRETS", str(tmp_path))
    with pytest.raises(NotAStoreError, match="the secret object-store-key isn't an id and a key") as refused:
        open_store("s3://bucket")
    assert "onlyone" not in str(refused.value)
