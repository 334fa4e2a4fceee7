"""Where the code of versions lies, by the digest of its bundle; put in place when it is first wanted.

How that can fail is told in the words of a call.
"""

import logging
import time
from pathlib import Path
from typing import Final

from core.object_store.base import ObjectStore, StoreUnavailable
from functions.domain.catalog.bundle_store import BundleLost
from functions.domain.catalog.bundles import BundleInvalid
from functions.domain.instances.contexts import Context
from functions.domain.instances.plan import Result
from functions.services.agent_host.code_cache.bundle_cache import BundleCache
from functions.services.agent_host.code_cache.installer import Installer, InstallFailed
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.sandbox.code import Code

log = logging.getLogger(__name__)

LIMIT_BYTES: Final = 512 * 1024 * 1024
"""What versions that nobody uses may take on disk, with what they require."""

TRIM_SECONDS: Final = 30
"""Seconds between two looks at how much it is."""

CAUSE: Final = 1000
"""Characters that are told of what the installer said."""


class CodePlace:
    """The code under one folder. Threads may share it, and hosts on one machine."""

    def __init__(self, folder: Path, store: ObjectStore, installer: Installer) -> None:
        """`folder` is created when it is missing; bundles are in `store`."""
        self._cache = BundleCache(folder, LIMIT_BYTES, store, installer)
        self._trimmed = time.monotonic()

    def of(self, context: Context) -> Code:
        """Return the code of a context's version. Raises Failure."""
        if context.digest is None:
            raise Failure("agent_unavailable", "Images are not run here.", result=Result.NOT_RUN)
        try:
            return self._cache.code(context.digest)
        except BundleInvalid as error:
            raise _refused(error.errors[0].message.rstrip(".")) from None
        except BundleLost:
            raise _refused(
                "its bundle isn't where bundles are kept, until the same bundle is sent for publication again"
            ) from None
        except InstallFailed as error:
            cause = "\n".join([f"{error.message.rstrip('.')}:", *error.lines]).rstrip(".:")[:CAUSE]
            result = Result.FAILED if error.again else Result.REFUSED
            raise Failure("agent_unavailable", result=result, cause=cause) from None
        except StoreUnavailable as error:
            log.warning("bundles can't be fetched: %s", error)
            raise Failure("agent_unavailable") from error

    def forget(self, used: set[str]) -> None:
        """Remove what was not used for longest, beyond what is kept, but nothing that is in use: now and then."""
        if time.monotonic() - self._trimmed > TRIM_SECONDS:
            self._trimmed = time.monotonic()
            self._cache.trim(used)

    def close(self) -> None:
        """Use nothing of it any more."""
        self._cache.close()


def _refused(cause: str) -> Failure:
    return Failure("agent_unavailable", result=Result.REFUSED, cause=cause)
