"""The code of versions on this host's disk: fetched by digest, checked, unpacked, with what it requires."""

from collections.abc import Collection
from pathlib import Path

from core.object_store.base import ObjectStore
from functions.domain.catalog import bundle_store, bundles, requirements
from functions.services.agent_host.code_cache import package_archives
from functions.services.agent_host.code_cache.folder_cache import FolderCache
from functions.services.agent_host.code_cache.installer import Installer
from functions.services.agent_host.code_cache.package_archives import PackageArchives
from functions.services.agent_host.sandbox.children import Code


class BundleCache:
    """Threads may share it, and processes its folder."""

    def __init__(self, folder: Path, limit_bytes: int, store: ObjectStore, installer: Installer) -> None:
        """`folder` is created when it is missing; what it holds comes to `limit_bytes` after each `trim`."""
        self._folders = FolderCache(folder, limit_bytes)
        self._store = store
        self._installer = installer
        self._archives = PackageArchives(store)
        self._packages: dict[str, str] = {}
        """The names of folders of packages, by the digests of bundles."""

    def code(self, digest: str) -> Code:
        """Return a version's code, read-only; it stays until `trim` is told that it isn't used.

        This may take as long as an installation. Raises BundleLost, BundleInvalid, StoreUnavailable, InstallFailed.
        """
        folder = self._folders.hold(digest, lambda draft: self._unpack(digest, draft))
        file = folder / requirements.FILE
        if not file.is_file() or not requirements.names_any(content := file.read_bytes()):
            return Code(digest, folder)
        name = self._packages[digest] = package_archives.key(content)
        packages = self._folders.hold(name, lambda draft: self._install(file, draft))
        return Code(digest, folder, packages)

    def trim(self, used: Collection[str] = ()) -> None:
        """Forget what was not asked for longest, as far as it is beyond the limit; `used` are digests of bundles."""
        self._folders.trim({*used, *(name for digest, name in self._packages.items() if digest in used)})

    def close(self) -> None:
        """Use nothing of it any more."""
        self._folders.close()

    def _unpack(self, digest: str, draft: Path) -> None:
        bundles.unpack(bundle_store.fetch_from(self._store, digest), draft)

    def _install(self, file: Path, draft: Path) -> None:
        self._archives.unpack(file.read_bytes(), draft, lambda: self._installer.install(file, draft))
