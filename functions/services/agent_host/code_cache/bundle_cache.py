"""The code of versions on this host's disk: fetched by digest, checked, unpacked, with what it requires."""

from collections.abc import Collection
from pathlib import Path

from core.object_store.base import ObjectStore
from functions.domain.catalog import bundle_store, bundles, requirements
from functions.services.agent_host.code_cache import package_archives
from functions.services.agent_host.code_cache.folder_cache import FolderCache
from functions.services.agent_host.code_cache.installer import Installer
from functions.services.agent_host.code_cache.package_archives import PackageArchives
from functions.services.agent_host.sandbox.code import Code


class BundleCache:
    """Threads may share it, and processes its folder."""

    def __init__(self, folder: Path, limit_bytes: int, store: ObjectStore, installer: Installer) -> None:
        """`folder` is created when it is missing; what it holds comes to `limit_bytes` after each `trim`."""
        self._folders = FolderCache(folder, limit_bytes)
        self._store = store
        self._installer = installer
        self._archives = PackageArchives(store)
        self._packages: dict[str, str | None] = {}
        """The names of the folders of packages that bundles require, by their digests; None of one that requires none.

        What has a digest never changes, so that this is read once.
        """

    def code(self, digest: str) -> Code:
        """Return a version's code, read-only; it stays until `trim` is told that it isn't used.

        This may take as long as an installation. Raises BundleLost, BundleInvalid, StoreUnavailable, InstallFailed.
        """
        folder = self._folders.hold(digest, lambda draft: self._unpack(digest, draft))
        file = folder / requirements.FILE
        if digest not in self._packages:
            self._packages[digest] = _required(file)
        name = self._packages[digest]
        if name is None:
            return Code(digest, folder)
        packages = self._folders.hold(name, lambda draft: self._install(file, draft))
        return Code(digest, folder, packages)

    def trim(self, used: Collection[str] = ()) -> None:
        """Forget what was not asked for longest, as far as it is beyond the limit; `used` are digests of bundles."""
        packages = {self._packages.get(digest) for digest in used}
        self._folders.trim({*used, *(name for name in packages if name is not None)})

    def close(self) -> None:
        """Use nothing of it any more."""
        self._folders.close()

    def _unpack(self, digest: str, draft: Path) -> None:
        bundles.unpack(bundle_store.fetch_from(self._store, digest), draft)

    def _install(self, file: Path, draft: Path) -> None:
        self._archives.unpack(file.read_bytes(), draft, lambda: self._installer.install(file, draft))


def _required(file: Path) -> str | None:
    """Return the name of the folder for the packages that a bundle's requirements name; None if they name none."""
    if not file.is_file() or not requirements.names_any(content := file.read_bytes()):
        return None
    return package_archives.key(content)
