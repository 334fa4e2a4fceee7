"""Why a version of an agent can be launched, or not."""

from sqlalchemy import text

from functions.domain.catalog import versions
from functions.domain.catalog.versions import VersionNotFound
from functions.domain.databases import SharedDb
from functions.domain.why.findings import Answer, Code, Link, NothingKnown, find
from functions.domain.why.instances import switched_off
from shared_psql_models.operators import KillSwitch
from shared_psql_models.statuses import VersionStatus

_SWITCHES = text(
    "select * from kill_switches where released_at is null and (target = :id or target = '') order by id limit 1"
)

_CODES = {
    VersionStatus.PUBLISHED: Code.VERSION_PUBLISHED,
    VersionStatus.DEPRECATED: Code.VERSION_DEPRECATED,
    VersionStatus.YANKED: Code.VERSION_YANKED,
}


def explain(db: SharedDb, version_id: str) -> Answer:
    """Return what happened to a version, and whether it can be launched. Raises NothingKnown."""
    try:
        version = versions.by_id(db, version_id)
    except VersionNotFound:
        raise NothingKnown from None
    chain = [Link(version.published_at, f"Version {version.number} was published.", version.published_by, version_id)]
    if version.status_changed_at is not None:
        what = f"It became {version.status}: {version.status_reason}"
        chain.append(Link(version.status_changed_at, what, version.status_changed_by or "system", version_id))
    row = db.execute(_SWITCHES, {"id": version_id}).mappings().first()
    if row is not None:
        return Answer(version_id, "version", switched_off(KillSwitch.of(row)), chain)
    return Answer(version_id, "version", find(_CODES[version.status], cause=version.status_reason), chain)
