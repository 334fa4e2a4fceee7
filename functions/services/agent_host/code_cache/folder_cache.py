"""Folders on disk that are made once and then only read, within a limit; several processes may share them.

Each has a file in `locks`, on which every process that uses the folder holds a shared lock, and whoever makes or
removes it an exclusive one. So nothing has to be tidied up after a process that was killed: its locks ended with it,
and what it left unfinished has a name that nobody reads.
"""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

KEEP_SECONDS: Final = 600
"""Seconds for which a folder is kept after it was asked for, though nobody says that they use it."""

_UNFINISHED: Final = "."
"""What the names of folders begin with that are being made or removed."""


@dataclass
class _Held:
    lock: IO[str]
    asked: float


class FolderCache:
    """Folders by name, under one folder. Threads may share it."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """`folder` is created when it is missing."""
        self._folder = folder / "folders"
        self._locks = folder / "locks"
        self._limit = limit_bytes
        self._held: dict[str, _Held] = {}
        self._guard = threading.Lock()
        for each in (self._folder, self._locks):
            each.mkdir(parents=True, exist_ok=True)

    def hold(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return the folder `name`, which stays until `trim` is told otherwise.

        If it isn't there, `make` fills it, once at a time; whatever it raises is raised here, and leaves nothing.
        """
        place = self._folder / name
        with self._guard:
            if name in self._held:
                self._held[name].asked = time.monotonic()
                os.utime(self._lock(name))
                return place
        lock = self._lock(name).open("a+", encoding="ascii")
        try:
            self._make_once(place, lock, make)
        except BaseException:
            lock.close()
            raise
        with self._guard:
            known = self._held.setdefault(name, _Held(lock, time.monotonic()))
        if known.lock is not lock:
            lock.close()
        os.utime(self._lock(name))
        return place

    def close(self) -> None:
        """Hold nothing any more."""
        with self._guard:
            for held in self._held.values():
                held.lock.close()
            self._held.clear()

    def _make_once(self, place: Path, lock: IO[str], make: Callable[[Path], None]) -> None:
        """Return with a shared lock on a folder that is there."""
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if place.is_dir():
                return
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.is_dir():
                self._make(place, lock, make)
            # The lock may be another's for a moment while it becomes a shared one: so look again.

    def _make(self, place: Path, lock: IO[str], make: Callable[[Path], None]) -> None:
        draft = place.with_name(f"{_UNFINISHED}{place.name}")
        _remove(draft)
        draft.mkdir()
        try:
            make(draft)
            size = _seal(draft)
            lock.truncate(0)
            lock.write(str(size))
            lock.flush()
            draft.rename(place)
        except BaseException:
            _remove(draft)
            raise

    def trim(self, used: Collection[str] = ()) -> None:
        """Forget what is beyond the limit, by when it was last asked for: nothing that is `used`, here or elsewhere."""
        with self._guard:
            since = time.monotonic() - KEEP_SECONDS
            for name in [name for name, held in self._held.items() if name not in used and held.asked < since]:
                self._held.pop(name).lock.close()
        for left in self._folder.glob(f"{_UNFINISHED}*"):
            with self._alone(left.name.removeprefix(_UNFINISHED)) as alone:
                if alone:
                    _remove(left)
        sizes = {place: self._size(place) for place in self._folder.glob("[!.]*")}
        total = sum(sizes.values())
        for place in sorted(sizes, key=lambda place: self._lock(place.name).stat().st_mtime):
            if total <= self._limit:
                break
            if self._forget(place):
                total -= sizes[place]

    def _forget(self, place: Path) -> bool:
        """Remove a folder, unless somebody holds it; return whether it was."""
        with self._alone(place.name) as alone:
            if alone:
                left = place.with_name(f"{_UNFINISHED}{place.name}")
                _remove(left)
                place.rename(left)
                _remove(left)
            return alone

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        """Hold the exclusive lock; gives whether it could be had at once."""
        with self._lock(name).open("a", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _size(self, place: Path) -> int:
        # Written by whoever made it, before it had its name.
        return int(self._lock(place.name).read_text(encoding="ascii") or 0)

    def _lock(self, name: str) -> Path:
        return self._locks / name


def _seal(folder: Path) -> int:
    """Let nobody write into a folder; return its size in bytes, as its files take it up."""
    size = 0
    for each in (*folder.rglob("*"), folder):
        status = each.lstat()
        size += status.st_blocks * 512
        if not each.is_symlink():
            each.chmod(0o555 if each.is_dir() or status.st_mode & 0o100 else 0o444)
    return size


def _remove(folder: Path) -> None:
    """Remove a folder that may not be written to, if it is there."""
    if not folder.is_dir():
        return
    folder.chmod(0o700)
    for each in folder.rglob("*"):
        if each.is_dir() and not each.is_symlink():
            each.chmod(0o700)
    shutil.rmtree(folder)
