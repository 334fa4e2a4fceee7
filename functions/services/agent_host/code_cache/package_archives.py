"""What requirements come to, kept in the store of objects beside bundles: installed by one host, fetched by the others.

`packages/<SHA-256 of the requirements>/<platform>` names the SHA-256 of a tar archive, which is in
`archives/<SHA-256>`: two hosts that install the same at a time agree by the first of these.
"""

import hashlib
import io
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from core.object_store.base import CHUNK, ObjectMissing, ObjectStore, ObjectTooLarge

LIMIT_BYTES: Final = 512 * 1024 * 1024
"""Of an archive; what is installed is held to less."""

_NAME_BYTES: Final = 64

_LISTS: Final = "packages/"
_ARCHIVES: Final = "archives/"


class PackageArchives:
    """The archives in one store."""

    def __init__(self, store: ObjectStore) -> None:
        """Use the store in which bundles are."""
        self._store = store

    def unpack(self, requirements: bytes, into: Path, install: Callable[[], None]) -> None:
        """Fill a folder with what requirements come to: from the store, or else by `install`, whose result is kept."""
        try:
            self._fetch(requirements, into)
        except ObjectMissing:
            install()
            self._keep(requirements, into)

    def collect(self, needed: Collection[bytes], *, older_than: float, check: bool = False) -> tuple[int, int]:
        """Take away what is there for other requirements than those needed; return how many lists and archives.

        What was put within the last so many seconds stays: a host may be about to write the rest. With `check` all
        stays. A host that misses an archive installs anew.
        """
        names = {_digest_of(each) for each in needed}
        lists = {key for key in self._store.keys(_LISTS, older_than=older_than) if key.split("/")[1] not in names}
        named = set()
        for key in set(self._store.keys(_LISTS)) - lists:
            # It may have gone.
            with suppress(ObjectMissing, ObjectTooLarge):
                named.add(_archive(self._named(key)))
        archives = set(self._store.keys(_ARCHIVES, older_than=older_than)) - named
        for key in () if check else (*lists, *archives):
            self._store.delete(key)
        return len(lists), len(archives)

    def _named(self, key: str) -> str:
        """Return the SHA-256 of the archive that a list names. Raises ObjectMissing and ObjectTooLarge."""
        name = io.BytesIO()
        self._store.get(key, name, _NAME_BYTES)
        return name.getvalue().decode("ascii")

    def _fetch(self, requirements: bytes, into: Path) -> None:
        sha256 = self._named(_record(requirements))
        with tempfile.TemporaryFile(dir=into.parent) as archive:
            try:
                self._store.get(_archive(sha256), archive, LIMIT_BYTES)
                fits = _digest(archive) == sha256
            except (ObjectMissing, ObjectTooLarge):
                fits = False
            if not fits:
                # Where one host found nothing that it could use, the next one shall not look.
                self._store.delete(_archive(sha256))
                self._store.delete(_record(requirements))
                raise ObjectMissing(sha256)
            archive.seek(0)
            with tarfile.open(fileobj=archive, mode="r:") as tar:
                tar.extractall(into, filter="data")

    def _keep(self, requirements: bytes, installed: Path) -> None:
        with tempfile.TemporaryFile(dir=installed.parent) as archive:
            pack(installed, archive)
            sha256 = _digest(archive)
            archive.seek(0)
            self._store.put(_archive(sha256), archive)
        self._store.put(_record(requirements), io.BytesIO(sha256.encode()))


def pack(folder: Path, into: IO[bytes]) -> None:
    """Write the files of a folder as a tar archive; the same files always give the same bytes."""
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in sorted(folder.rglob("*")):
            if file.is_symlink() or not file.is_file():
                continue
            about = tarfile.TarInfo(file.relative_to(folder).as_posix())
            status = file.stat()
            about.size, about.mode = status.st_size, 0o755 if status.st_mode & 0o100 else 0o644
            with file.open("rb") as content:
                tar.addfile(about, content)


def key(requirements: bytes) -> str:
    """Return what names the packages of a requirements file on this platform: `0a1b…-cpython-313-x86_64-linux-gnu`."""
    return f"{_digest_of(requirements)}-{_platform()}"


def _platform() -> str:
    return str(sysconfig.get_config_var("SOABI"))


def _record(requirements: bytes) -> str:
    return f"{_LISTS}{_digest_of(requirements)}/{_platform()}"


def _archive(sha256: str) -> str:
    return f"{_ARCHIVES}{sha256}"


def _digest_of(requirements: bytes) -> str:
    return hashlib.sha256(requirements).hexdigest()


def _digest(file: IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
