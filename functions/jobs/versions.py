"""Versions that are images: deployed when an instance of one is to run, removed when none is.

Nothing here outlives a call: the platform knows what is deployed, and the row of the version who may change that.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic, sleep
from typing import Final
from uuid import uuid4

from core.jitter import jittered
from core.once import once
from functions.domain.api_errors import Unavailable
from functions.domain.catalog import images
from functions.domain.instances import version_leases
from functions.domain.instances.plan import Outcome, Result
from functions.domain.instances.reasons import Reason
from functions.domain.instances.version_leases import VersionLease, VersionLeaseLost
from functions.drivers import registry
from functions.drivers.base import CannotDeployError, Observation, Phase, StaleToken, VersionDeployment, VersionDriver
from functions.runtime.databases import shared_transaction

log = logging.getLogger(__name__)

ROLE: Final = "worker"

LEASE_SECONDS: Final = 60
"""Longer than any one call of a driver; renewed before each."""

POLL: Final = 0.5
"""Seconds between looks at what is on its way."""

BATCH: Final = 20

SWEEP_SECONDS: Final = 30

ORPHANS_EVERY: Final = 10
"""Sweeps from one look at all that is deployed to the next: five minutes."""

ORPHAN_AGE: Final = timedelta(minutes=10)
"""How old something must be that nobody knows of until it is taken for what a worker left that came too late."""


@once
def driver() -> VersionDriver:
    """Return the driver of this worker, which `DRIVER` names."""
    return registry.from_settings()


def act(version_id: str, seconds: float, keep: Callable[[], None]) -> Outcome:
    """Have a version run that is an image, and return what came of it in the words of an instance's plan."""
    if not images.run_here():
        return Outcome(Result.NOT_RUN)
    with shared_transaction(ROLE) as db:
        image = version_leases.image(db, version_id)
    try:
        seen = bring_up(VersionDeployment(version_id, image), seconds, keep)
    except CannotDeployError as error:
        log.warning("%s can't be deployed: %s", version_id, error.message)
        return Outcome(Result.REFUSED, _CAUSES.get(error.reason, "it can't run here"))
    match seen.phase:
        case Phase.READY:
            return Outcome(Result.DONE)
        case Phase.FAILED:
            log.warning("%s has failed: %s", version_id, seen.message)
            return Outcome(Result.FAILED, _CAUSES.get(seen.reason or Reason.DRIVER_FAILED, "the platform gave it up"))
        case _:
            return Outcome(Result.TIMED_OUT)


_CAUSES: Final = {
    Reason.IMAGE_UNAVAILABLE: "its image can't be fetched from its registry",
    Reason.IMAGE_REFUSED: "the platform on which images run refuses it",
    Reason.AGENT_EXITED: "its process ended",
}
"""What owners are told of a failure; the platform's own words are for operators, and in the log."""


def bring_up(deployment: VersionDeployment, seconds: float, keep: Callable[[], None]) -> Observation:
    """Have the version run, and return what is seen of it when it answers, has failed, or the time is over.

    What has failed before is deployed anew, once. `keep` is called before each look; what it raises ends the call.
    Raises CannotDeployError.
    """
    owner = uuid4().hex
    until = monotonic() + seconds
    deployed = False
    while True:
        keep()
        seen = Observation(Phase.DEPLOYING)
        try:
            seen, deployed = _advance(deployment, owner, deployed=deployed)
        except (OSError, StaleToken, VersionLeaseLost) as error:
            # The platform is slow or away, or another worker has it in hand.
            log.warning("%s isn't deployed yet: %s", deployment.version_id, error)
        if seen.phase == Phase.READY or (seen.phase == Phase.FAILED and deployed) or monotonic() > until:
            return seen
        sleep(POLL)


def _advance(deployment: VersionDeployment, owner: str, *, deployed: bool) -> tuple[Observation, bool]:
    """Look, and deploy it if that is what it takes. Return what was seen, and whether it was deployed by this owner."""
    with _lease(deployment.version_id, owner) as lease:
        if lease is None:
            return Observation(Phase.DEPLOYING), deployed
        seen = driver().observe(deployment.version_id)
        if seen.phase == Phase.ABSENT or (seen.phase == Phase.FAILED and not deployed):
            with shared_transaction(ROLE) as db:
                version_leases.begin(db, lease)
            driver().deploy(deployment, lease.token)
            return Observation(Phase.DEPLOYING), True
        with shared_transaction(ROLE) as db:
            version_leases.note(db, lease, seen.url)
        return seen, deployed


@contextmanager
def _lease(version_id: str, owner: str) -> Iterator[VersionLease | None]:
    """Hold the lease on a version; None while another does."""
    with shared_transaction(ROLE) as db:
        lease = version_leases.acquire(db, version_id, owner, LEASE_SECONDS)
    try:
        yield lease
    finally:
        if lease is not None:
            with shared_transaction(ROLE) as db:
                version_leases.release(db, lease)


def sweep() -> int:
    """Remove versions that no instance uses. Return how many. Raises Unavailable."""
    if not images.run_here():
        return 0
    with shared_transaction(ROLE) as db:
        unused = version_leases.unused(db, BATCH)
    return sum(map(_removed, unused))


def sweep_orphans() -> int:
    """Remove what is deployed though no row says so: a worker came too late to do it. Return how many.

    Raises Unavailable.
    """
    if not images.run_here():
        return 0
    old = datetime.now(UTC) - ORPHAN_AGE
    try:
        found = {each.version_id for each in driver().inventory() if each.created < old}
    except OSError as error:
        log.warning("what is deployed can't be told: %s", error)
        return 0
    with shared_transaction(ROLE) as db:
        orphans = version_leases.orphans(db, sorted(found))
    return sum(map(_removed, orphans))


def run(leaving: threading.Event) -> None:
    """Remove what isn't used until `leaving` is set, whatever is down. Beside the sweep: a platform may be slow."""
    for turn in count(1):
        if not images.run_here() or leaving.wait(jittered(SWEEP_SECONDS, 0.8, 1.0)):
            return
        try:
            sweep()
            if turn % ORPHANS_EVERY == 0:
                sweep_orphans()
        except Unavailable as error:
            log.warning("the sweep of versions will try again: %s", error.__cause__ or error)
        except Exception:
            log.exception("bug in the sweep of versions")


def _removed(version_id: str) -> bool:
    """Remove a version unless an instance uses it by now; return whether that was done."""
    try:
        with _lease(version_id, uuid4().hex) as lease:
            return lease is not None and _remove(lease)
    except (OSError, StaleToken, VersionLeaseLost) as error:
        log.warning("%s will be removed later: %s", version_id, error)
        return False


def _remove(lease: VersionLease) -> bool:
    # Whoever wants to use it from now on waits for the lease.
    with shared_transaction(ROLE) as db:
        if version_leases.is_used(db, lease.version_id):
            return False
    driver().remove(lease.version_id, lease.token)
    with shared_transaction(ROLE) as db:
        version_leases.forget(db, lease)
    log.info("%s is removed: no instance uses it", lease.version_id)
    return True
