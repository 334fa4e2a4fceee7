"""What every store of objects must do. A store's own test class inherits from this one, and gives a fixture `store`."""

import hashlib
import io
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from typing_extensions import override

from core import http_client
from core.object_store.base import ObjectMissing, ObjectStore, ObjectTooLarge
from tools.local.wait import until

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGE = 3 * 1024 * 1024


LONG: Final = 9 * 1024 * 1024
"""Bytes of more than what S3 is given at once."""


class _Stream(io.RawIOBase):
    """So many bytes that can't be read again, after which it breaks or ends."""

    def __init__(self, length: int, *, breaks: bool = False) -> None:
        self._left, self._breaks = length, breaks

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, into: "WriteableBuffer") -> int:
        room = memoryview(into)
        given = min(len(room), self._left)
        if not given and self._breaks:
            raise ZeroDivisionError
        room[:given] = b"x" * given
        self._left -= given
        return given


def content_of(store: ObjectStore, key: str, limit: int = LARGE) -> bytes:
    into = io.BytesIO()
    store.get(key, into, limit)
    return into.getvalue()


class StoreSuite:
    """Inherit, and provide a fixture `store` that is empty."""

    def test_what_is_put_is_there(self, store: ObjectStore) -> None:
        assert store.put("a/b", io.BytesIO(b"one"))
        assert content_of(store, "a/b") == b"one"

    def test_a_stream_is_kept_whole_however_long_it_is(self, store: ObjectStore) -> None:
        for length in (0, 5, LONG):
            store.put_stream(f"streams/{length}", io.BufferedReader(_Stream(length)))
            assert content_of(store, f"streams/{length}", LONG) == b"x" * length

    def test_of_a_stream_that_breaks_nothing_is_kept(self, store: ObjectStore) -> None:
        for length in (5, LONG):
            with pytest.raises(ZeroDivisionError):
                store.put_stream("broken", io.BufferedReader(_Stream(length, breaks=True)))
            assert not store.exists("broken")

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


class BucketSuite(StoreSuite):
    """What every bucket must do besides. Inherit, and provide a fixture `store` that is empty."""

    def test_a_link_is_followed_by_anybody(self, store: ObjectStore) -> None:
        store.put("folder/key", io.BytesIO(b"one"))
        answer = http_client.request("GET", _link(store, "folder/key"), seconds=20)
        assert (answer.status, answer.body) == (200, b"one")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="one.txt"'
        assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("text/plain", "no-store")

    def test_a_link_leads_nowhere_once_the_object_is_deleted(self, store: ObjectStore) -> None:
        store.put("key", io.BytesIO(b"one"))
        link = _link(store, "key")
        store.delete("key")
        # Without the right to list what there is, S3 answers 403.
        assert http_client.request("GET", link, seconds=20).status in {403, 404}


class SigningSuite(BucketSuite):
    """What buckets do whose signatures are looked at."""

    def test_a_link_is_for_one_object_for_so_long(self, store: ObjectStore) -> None:
        for key in ("mine", "yours"):
            store.put(key, io.BytesIO(b"one"))
        link = _link(store, "mine")
        for other in (link.replace("mine", "yours"), link.replace("X-Amz-Expires=60", "X-Amz-Expires=600")):
            assert http_client.request("GET", other, seconds=20).status == 403

    def test_whoever_has_a_link_uploads_just_what_it_is_for(self, store: ObjectStore) -> None:
        content = b"one"
        upload = store.upload_link(
            "uploads/one",
            content_type="application/zip",
            length=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            seconds=60,
        )
        assert upload is not None
        signed = parse_qs(urlsplit(upload.url).query)["X-Amz-SignedHeaders"][0].split(";")
        # Of another length, type or content the signature isn't.
        assert {name.lower() for name in upload.headers} <= set(signed)
        answer = http_client.request("PUT", upload.url, body=content, headers=upload.headers, seconds=20)
        assert answer.status == 200
        assert content_of(store, "uploads/one") == content

    def test_a_link_ends(self, store: ObjectStore) -> None:
        store.put("key", io.BytesIO(b"one"))
        link = _link(store, "key", seconds=1)
        assert until(lambda: http_client.request("GET", link, seconds=20).status == 403, seconds=60)


def _link(store: ObjectStore, key: str, *, seconds: int = 60) -> str:
    link = store.link(key, name="one.txt", content_type="text/plain", seconds=seconds)
    assert link is not None
    return link
