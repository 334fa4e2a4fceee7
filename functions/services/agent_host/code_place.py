"""Where the code of versions lies, unpacked, by the digest of its bundle; fetched when it is first wanted."""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Final

from core.object_store.base import StoreUnavailable
from functions.domain.catalog import bundle_store, bundles
from functions.domain.catalog.bundle_store import BundleLost
from functions.domain.catalog.bundles import BundleInvalid
from functions.domain.instances.contexts import Context
from functions.domain.instances.plan import Result
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.sandbox.children import Code

log = logging.getLogger(__name__)

KEPT: Final = 200
"""Versions that are kept; those that were used last, and those in use."""


class CodePlace:
    """The code under one folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is this host's alone, and created when it is missing."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, context: Context) -> Code:
        """Return the code of a context's version. Raises Failure."""
        if context.digest is None:
            raise Failure("agent_unavailable", "Images are not run here.", result=Result.NOT_RUN)
        place = self._folder / context.digest
        if not place.is_dir():
            self._put(place, _fetched(context.digest))
        place.touch()
        return Code(context.digest, place)

    def forget(self, used: set[str]) -> None:
        """Remove what was not used for longest, beyond what is kept, but nothing that is in use."""
        by_age = sorted(self._folder.iterdir(), key=lambda place: place.stat().st_mtime, reverse=True)
        for place in by_age[KEPT:]:
            if place.name not in used:
                shutil.rmtree(place, ignore_errors=True)

    def _put(self, place: Path, bundle: bytes) -> None:
        draft = Path(tempfile.mkdtemp(dir=self._folder, prefix="draft-"))
        try:
            bundles.unpack(bundle, draft)
            draft.chmod(0o755)
            # Whole or not at all, also for who is killed meanwhile.
            draft.rename(place)
        except BundleInvalid as error:
            cause = error.errors[0].message.rstrip(".")
            raise Failure("agent_unavailable", result=Result.REFUSED, cause=cause) from None
        except OSError:
            # Another call may have been faster.
            if not place.is_dir():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _fetched(digest: str) -> bytes:
    try:
        return bundle_store.fetch(digest)
    except BundleLost:
        cause = "its bundle isn't where bundles are kept, until the same bundle is sent for publication again"
        raise Failure("agent_unavailable", result=Result.REFUSED, cause=cause) from None
    except StoreUnavailable as error:
        log.warning("bundles can't be fetched: %s", error)
        raise Failure("agent_unavailable") from error
