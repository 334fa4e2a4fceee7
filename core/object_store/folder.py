"""A store of objects in a folder, for one machine."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from core.object_store import base
from core.object_store.base import ObjectMissing, StoreUnavailable

_DRAFTS: Final = ".drafts"


class FolderStore:
    """Objects are files under one folder, by their keys. Several processes may use it at a time."""

    def __init__(self, folder: Path, *, locked: bool = False) -> None:
        """`folder` is created with the first object. What is kept if it is `locked` is read-only, to its owner too."""
        self._folder = folder
        self._locked = locked

    def prepare(self) -> None:
        """Make the folder, if it isn't there."""
        with self._explained():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, key: str, content: BinaryIO) -> bool:
        """Keep an object, on disk when this returns."""
        file = self._folder / key
        with self._explained():
            drafts = self._folder / _DRAFTS
            for folder in (drafts, file.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=drafts) as draft:
                shutil.copyfileobj(content, draft, base.CHUNK)
                draft.flush()
                if self._locked:
                    os.fchmod(draft.fileno(), stat.S_IRUSR)
                os.fsync(draft.fileno())
                try:
                    # Unlike renaming, a link never takes another's place.
                    os.link(draft.name, file)
                except FileExistsError:
                    return False
            _sync(file.parent)
        return True

    def put_stream(self, key: str, content: BinaryIO) -> None:
        """Keep what there is to read."""
        self.put(key, content)

    def link(self, key: str, *, name: str, content_type: str, seconds: int) -> None:
        """Return None: a folder is on no network."""

    def upload_link(self, key: str, *, content_type: str, length: int, sha256: str, seconds: int) -> None:
        """Return None: a folder is on no network."""

    def get(self, key: str, into: BinaryIO, limit: int) -> None:
        """Write an object into a file."""
        with self._explained():
            try:
                source = (self._folder / key).open("rb")
            except FileNotFoundError:
                raise ObjectMissing(key) from None
            with source:
                base.copy(source, into, limit)

    def exists(self, key: str) -> bool:
        """Return whether there is an object under the key."""
        with self._explained():
            return (self._folder / key).is_file()

    def keys(self, prefix: str = "", *, older_than: float = 0) -> Iterator[str]:
        """Yield the keys that begin with `prefix`."""
        for file in self._folder.rglob("*"):
            key = file.relative_to(self._folder).as_posix()
            if key.startswith(prefix) and not key.startswith(_DRAFTS) and file.is_file():
                # It may be deleted while it is looked at.
                with suppress(FileNotFoundError):
                    if not older_than or time.time() - file.stat().st_mtime >= older_than:
                        yield key

    def delete(self, key: str) -> None:
        """Take an object away, if it is there."""
        with self._explained():
            (self._folder / key).unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(f"{self._folder}: {error.strerror or error}") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
