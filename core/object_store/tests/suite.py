"""What every store of objects must do. A store's own test class inherits from this one, and gives a fixture `store`."""

import io
import threading

import pytest

from core.object_store.base import ObjectMissing, ObjectStore, ObjectTooLarge
from tools.local.wait import until

LARGE = 3 * 1024 * 1024


def content_of(store: ObjectStore, key: str, limit: int = LARGE) -> bytes:
    into = io.BytesIO()
    store.get(key, into, limit)
    return into.getvalue()


class StoreSuite:
    """Inherit, and provide a fixture `store` that is empty."""

    def test_what_is_put_is_there(self, store: ObjectStore) -> None:
        assert store.put("a/b", io.BytesIO(b"one"))
        assert content_of(store, "a/b") == b"one"

    def test_only_the_first_that_is_put_is_kept(self, store: ObjectStore) -> None:
        assert [store.put("key", io.BytesIO(content)) for content in (b"one", b"two")] == [True, False]
        assert content_of(store, "key") == b"one"

    def test_of_many_at_once_one_is_kept(self, store: ObjectStore) -> None:
        results: list[tuple[bytes, bool]] = []

        def put(content: bytes) -> None:
            results.append((content, store.put("raced", io.BytesIO(content * 100_000))))

        threads = [threading.Thread(target=put, args=(b"%d" % each,)) for each in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = [content for content, new in results if new]
        assert len(kept) == 1
        assert content_of(store, "raced") == kept[0] * 100_000

    def test_a_large_object_comes_back_whole(self, store: ObjectStore) -> None:
        large = bytes(range(256)) * (LARGE // 256)
        store.put("large", io.BytesIO(large))
        assert content_of(store, "large") == large

    def test_what_is_larger_than_asked_for_is_refused(self, store: ObjectStore) -> None:
        store.put("key", io.BytesIO(b"four"))
        assert content_of(store, "key", limit=4) == b"four"
        with pytest.raises(ObjectTooLarge):
            content_of(store, "key", limit=3)

    def test_what_was_never_put_is_missing(self, store: ObjectStore) -> None:
        with pytest.raises(ObjectMissing):
            content_of(store, "never")
        assert not store.exists("never")

    def test_keys_are_told_by_what_they_begin_with(self, store: ObjectStore) -> None:
        for key in ("a/1", "a/2", "b/1"):
            store.put(key, io.BytesIO(b""))
        assert sorted(store.keys("a/")) == ["a/1", "a/2"]
        assert sorted(store.keys()) == ["a/1", "a/2", "b/1"]

    def test_keys_are_told_by_how_long_they_are_there(self, store: ObjectStore) -> None:
        store.put("key", io.BytesIO(b""))
        assert list(store.keys(older_than=3600)) == []
        assert until(lambda: list(store.keys(older_than=1)) == ["key"], seconds=60)

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, store: ObjectStore) -> None:
        store.put("key", io.BytesIO(b""))
        assert store.exists("key")
        for _ in range(2):
            store.delete("key")
            assert not store.exists("key")
