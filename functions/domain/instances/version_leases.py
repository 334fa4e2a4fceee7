"""Leases on versions that are images: who deploys or removes one, and what is known of its deployment.

All instances of a version share one deployment. So whoever deploys it, and whoever removes it because nothing uses it,
has the lease on the version, and looks what uses it after having got that.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Update, select, text, update

from functions.domain.databases import SharedDb
from shared_psql_models.agents import agent_versions, version_deployments

KEPT: Final = 300
"""Seconds for which a version stays deployed that no instance uses any more: most stops are followed by a start."""

# The token is the time in microseconds by the database's clock, as that of an instance's lease.
_CLAIM: Final = text(
    """
    insert into version_deployments as deployment (version_id, lease_owner, lease_expires_at)
    values (:version_id, :lease_owner, clock_timestamp() + make_interval(secs => :seconds))
    on conflict (version_id) do update
      set lease_owner = excluded.lease_owner, lease_expires_at = excluded.lease_expires_at
      where deployment.lease_owner = :lease_owner or deployment.lease_expires_at is null
        or deployment.lease_expires_at < clock_timestamp()
    returning (extract(epoch from clock_timestamp()) * 1000000)::bigint as token
    """
)

# An instance that is moving to another version has specs of both, until the new one answers.
_UNUSED: Final = text(
    """
    select version_id from version_deployments
    where deployed_at is not null and (lease_expires_at is null or lease_expires_at < clock_timestamp())
      and not exists (
        select from instance_specs join instances on instances.id = instance_specs.instance_id
        where instance_specs.version_id = version_deployments.version_id
          and (desired_state = 'running' or updated_at > clock_timestamp() - make_interval(secs => :kept)))
    order by deployed_at
    limit :limit
    """
)

_IN_USE: Final = text(
    """
    select exists (
      select from instance_specs join instances on instances.id = instance_specs.instance_id
      where instance_specs.version_id = :version_id and desired_state = 'running')
    """
)

_ORPHANS: Final = text(
    """
    select id from agent_versions
    where id = any(:ids) and not exists (
      select from version_deployments
      where version_id = agent_versions.id
        and (deployed_at is not null or lease_expires_at > clock_timestamp()))
    """
)


class VersionLeaseLost(Exception):
    """Another worker has the lease on the version."""


@dataclass(frozen=True)
class VersionLease:
    """The right to deploy or remove a version."""

    version_id: str
    owner: str
    token: int
    """The fencing token: later leases on the version have higher ones."""


def acquire(db: SharedDb, version_id: str, owner: str, seconds: float) -> VersionLease | None:
    """Acquire or renew the lease on a version for `seconds`; None while another holds it."""
    token = db.scalar(_CLAIM, {"version_id": version_id, "lease_owner": owner, "seconds": seconds})
    return None if token is None else VersionLease(version_id, owner, int(token))


def release(db: SharedDb, lease: VersionLease) -> None:
    """End the lease, if it isn't another's by now."""
    db.execute(_held(lease).values(lease_owner=None, lease_expires_at=None))


def begin(db: SharedDb, lease: VersionLease) -> None:
    """Write down that something of the version may be on the platform from now on. Raises VersionLeaseLost."""
    _guarded(db, lease, deployed_at=text("coalesce(deployed_at, now())"), url=None)


def note(db: SharedDb, lease: VersionLease, url: str | None) -> None:
    """Write down where it answers, None if it isn't known to. Raises VersionLeaseLost."""
    _guarded(db, lease, url=url)


def forget(db: SharedDb, lease: VersionLease) -> None:
    """Write down that nothing of it is there any more. Raises VersionLeaseLost."""
    _guarded(db, lease, deployed_at=None, url=None)


def unused(db: SharedDb, limit: int) -> list[str]:
    """Return the ids of versions that may be deployed and that no instance has used for a while."""
    return list(db.scalars(_UNUSED, {"kept": KEPT, "limit": limit}))


def is_used(db: SharedDb, version_id: str) -> bool:
    """Return whether an instance of the version shall run."""
    return bool(db.scalar(_IN_USE, {"version_id": version_id}))


def orphans(db: SharedDb, version_ids: list[str]) -> list[str]:
    """Return those of these versions of which nothing should be on the platform, and that nobody is working on.

    A version that the catalog doesn't have isn't ours to judge.
    """
    return list(db.scalars(_ORPHANS, {"ids": version_ids}))


def image(db: SharedDb, version_id: str) -> str:
    """Return the image of a version that is one."""
    return str(db.execute(select(agent_versions.c.image).where(agent_versions.c.id == version_id)).scalar_one())


def _held(lease: VersionLease) -> Update:
    of = version_deployments.c
    return update(version_deployments).where(of.version_id == lease.version_id, of.lease_owner == lease.owner)


def _guarded(db: SharedDb, lease: VersionLease, **fields: object) -> None:
    if db.execute(_held(lease).values(fields)).rowcount != 1:
        raise VersionLeaseLost(lease.version_id)
