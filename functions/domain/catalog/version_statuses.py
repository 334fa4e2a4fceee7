"""Whether a version should still be launched: deprecated ones say why not, yanked ones can't be."""

from collections.abc import Container
from dataclasses import dataclass

from sqlalchemy import func, or_, select, update

from core import context
from events.catalog.agents import VersionDeprecated, VersionRestored, VersionYanked
from events.outbox import emit
from functions.domain.api_errors import Conflict, PreconditionFailed
from functions.domain.catalog import versions
from functions.domain.catalog.channels import locked
from functions.domain.databases import SharedDb
from shared_psql_models.agents import AgentVersion, agent_versions, channels
from shared_psql_models.statuses import VersionStatus


class VersionInChannel(Conflict):
    """A channel points at this version, so that people would be led to it: move the channel first."""


class VersionChangedMeanwhile(PreconditionFailed):
    """The version's status has changed since you read it: read it again, then repeat the change with its new ETag."""


@dataclass(frozen=True)
class NewStatus:
    """What becomes of a version, and why."""

    status: VersionStatus
    reason: str


def check(db: SharedDb, slug: str, number: str, etags: Container[str], new: NewStatus) -> AgentVersion:
    """Return a version as it is, whose status can be changed; its agent is locked.

    Raises AgentNotFound, VersionNotFound, VersionInChannel for one that can't be yanked yet, and
    VersionChangedMeanwhile unless its `row_version` is one of `etags`.
    """
    locked(db, slug)
    version = versions.find(db, slug, number, unlisted=True)
    if str(version.row_version) not in etags:
        raise VersionChangedMeanwhile
    if new.status == VersionStatus.YANKED and version.status != VersionStatus.YANKED:
        _refuse_pointed_at(db, version)
    return version


def change(db: SharedDb, slug: str, number: str, etags: Container[str], new: NewStatus) -> AgentVersion:
    """Change a version's status and return the version; what is so already stays, without an event.

    Raises what `check` does.
    """
    version = check(db, slug, number, etags, new)
    if (version.status, version.status_reason) == (new.status, new.reason):
        return version
    changed = {"status": new.status.value, "status_reason": new.reason, "status_changed_by": context.current().actor}
    counted = {"status_changed_at": func.now(), "row_version": agent_versions.c.row_version + 1}
    db.execute(update(agent_versions).where(agent_versions.c.id == version.id).values(changed | counted))
    facts = {
        "agent_id": version.agent_id,
        "version_id": version.id,
        "slug": slug,
        "number": number,
        "reason": new.reason,
    }
    match new.status:
        case VersionStatus.PUBLISHED:
            emit(db, VersionRestored(**facts))
        case VersionStatus.DEPRECATED:
            emit(db, VersionDeprecated(**facts))
        case VersionStatus.YANKED:
            emit(db, VersionYanked(**facts))
    return versions.find(db, slug, number, unlisted=True)


def _refuse_pointed_at(db: SharedDb, version: AgentVersion) -> None:
    led = or_(channels.c.version_id == version.id, channels.c.candidate_version_id == version.id)
    named = db.scalars(select(channels.c.name).where(channels.c.agent_id == version.agent_id, led)).all()
    if named:
        raise VersionInChannel(
            f"{' and '.join(sorted(named))} would lead people to this version: move what points at it, then yank it."
        )
