"""Channels: the versions that people are led to. Every move is kept, so that it can be taken back."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert

from core import context
from core.ids import new_id
from events.catalog.agents import ChannelMoved
from events.outbox import emit
from functions.domain.api_errors import Conflict, FieldError, Invalid, PreconditionFailed
from functions.domain.catalog.agents import AgentNotFound
from functions.domain.catalog.versions import Channel, is_preview, precedence
from functions.domain.databases import SharedDb
from shared_psql_models.agents import agent_versions, agents, channel_moves, channels
from shared_psql_models.statuses import VersionStatus
from shared_psql_models.tables import Record


class ChannelChangedMeanwhile(PreconditionFailed):
    """The channel has changed since you read it: read it again, then repeat the change with its new ETag."""


class ChannelMoveInvalid(Invalid):
    """The channel can't be moved there, or not without `force` and a reason: `errors` says why."""


class NothingToRollBackTo(Conflict):
    """The channel came here from no version that can still be launched: say by a PUT where it shall point."""


class MoveKind(StrEnum):
    """How a channel was moved."""

    PUBLISHED = "published"
    """To a version that was just published."""
    MOVED = "moved"
    ROLLED_BACK = "rolled_back"
    """To the version that its present one had replaced."""


@dataclass(frozen=True)
class Place:
    """Which channel of which agent."""

    slug: str
    channel: Channel


@dataclass(frozen=True)
class Target:
    """Where a channel shall point, by the numbers of versions."""

    version: str | None
    candidate: str | None = None
    """The version that a share of new instances gets instead."""
    percent: int | None = None
    """That share, 0 to 100."""


@dataclass(frozen=True)
class Why:
    """Why a channel is moved."""

    reason: str = ""
    force: bool = False
    """Whether it may move down, to nothing, or stable to a pre-release; it takes a reason."""
    kind: MoveKind = MoveKind.MOVED


class PointedChannel(Record):
    """A channel, and where it points."""

    agent_id: str
    slug: str
    name: Channel
    version_id: str | None
    version: str | None
    """The number."""
    candidate_version_id: str | None
    candidate: str | None
    """The number."""
    percent: int | None
    row_version: int
    """Counts its moves; 0 before the first."""
    updated_at: datetime | None

    def target(self) -> Target:
        """Return where it points."""
        return Target(self.version, self.candidate, self.percent)


class Move(Record):
    """A move of a channel; versions are told by their numbers."""

    id: str
    kind: MoveKind
    previous: str | None
    version: str | None
    candidate: str | None
    percent: int | None
    reason: str
    moved_by: str
    moved_at: datetime


def locked(db: SharedDb, slug: str) -> str:
    """Return an agent's id and keep its channels and the statuses of its versions as they are. Raises AgentNotFound."""
    # Held to the end: two publications or moves of one agent come one after the other.
    agent_id = db.scalar(select(agents.c.id).where(agents.c.slug == slug).with_for_update(key_share=True))
    if agent_id is None:
        raise AgentNotFound
    return str(agent_id)


def read(db: SharedDb, place: Place) -> PointedChannel:
    """Return a channel; every agent has all of them, pointing at nothing at first. Raises AgentNotFound."""
    agent_id = db.scalar(select(agents.c.id).where(agents.c.slug == place.slug))
    if agent_id is None:
        raise AgentNotFound
    version, candidate = agent_versions.alias(), agent_versions.alias()
    found = db.execute(
        select(
            channels,
            channels.c.candidate_percent.label("percent"),
            version.c.number.label("version"),
            candidate.c.number.label("candidate"),
        )
        .join_from(channels, version, channels.c.version_id == version.c.id, isouter=True)
        .join(candidate, channels.c.candidate_version_id == candidate.c.id, isouter=True)
        .where(channels.c.agent_id == agent_id, channels.c.name == place.channel.value)
    )
    row = found.mappings().first() or dict.fromkeys(PointedChannel.model_fields) | {"row_version": 0}
    known = {"agent_id": agent_id, "slug": place.slug, "name": place.channel}
    return PointedChannel.model_validate({**row, **known})


def move(db: SharedDb, place: Place, etags: Container[str], wanted: Target, why: Why) -> PointedChannel:
    """Point a channel elsewhere and return it; what is so already is no move.

    Without `force` it moves up alone, and stable to no pre-release. Raises AgentNotFound, ChannelMoveInvalid, and
    ChannelChangedMeanwhile unless its `row_version` is one of `etags`.
    """
    present = check(db, place, etags, wanted, why)
    return present if wanted == present.target() else _point(db, present, wanted, why)


def check(db: SharedDb, place: Place, etags: Container[str], wanted: Target, why: Why) -> PointedChannel:
    """Return a channel as it is, which can be moved; its agent is locked. Raises what `move` does."""
    present = _present(db, place, etags)
    if wanted == present.target():
        return present
    if not why.force:
        _refuse(list(_unforced(present, wanted)))
    elif not why.reason.strip():
        _refuse([FieldError("/reason", "reason_required", "Say why it is forced.")])
    _ids(db, present.agent_id, wanted)
    return present


def roll_back(db: SharedDb, place: Place, etags: Container[str], reason: str) -> PointedChannel:
    """Point a channel at the version that its present one replaced, without a candidate, and return it.

    Doing it again goes one further back. Raises AgentNotFound, NothingToRollBackTo, and ChannelChangedMeanwhile unless
    its `row_version` is one of `etags`.
    """
    present = _present(db, place, etags)
    back = _replaced_by(db, present)
    if back is None:
        raise NothingToRollBackTo
    return _point(db, present, Target(back), Why(reason, kind=MoveKind.ROLLED_BACK))


def publish(db: SharedDb, place: Place, number: str) -> None:
    """Point a channel of an agent that is `locked` at a version that was just published; a candidate ends with it."""
    _point(db, read(db, place), Target(number), Why(kind=MoveKind.PUBLISHED))


def moves(db: SharedDb, place: Place, *, after: str | None, limit: int) -> list[Move]:
    """Return the moves of a channel, newest first; `after` is the id that ended the page before. Raises AgentNotFound.

    Those before moves were kept are missing.
    """
    query = _moves(read(db, place)).limit(limit)
    if after is not None:
        query = query.where(channel_moves.c.id < after)
    return [Move.of(row) for row in db.execute(query).mappings()]


def _moves(channel: PointedChannel) -> Select[*tuple[object, ...]]:
    previous, version, candidate = agent_versions.alias(), agent_versions.alias(), agent_versions.alias()
    return (
        select(
            channel_moves,
            channel_moves.c.candidate_percent.label("percent"),
            previous.c.number.label("previous"),
            version.c.number.label("version"),
            candidate.c.number.label("candidate"),
        )
        .join_from(channel_moves, previous, channel_moves.c.previous_version_id == previous.c.id, isouter=True)
        .join(version, channel_moves.c.version_id == version.c.id, isouter=True)
        .join(candidate, channel_moves.c.candidate_version_id == candidate.c.id, isouter=True)
        .where(channel_moves.c.agent_id == channel.agent_id, channel_moves.c.channel == channel.name.value)
        .order_by(channel_moves.c.id.desc())
    )


def _present(db: SharedDb, place: Place, etags: Container[str]) -> PointedChannel:
    locked(db, place.slug)
    present = read(db, place)
    if str(present.row_version) not in etags:
        raise ChannelChangedMeanwhile
    return present


def _ids(db: SharedDb, agent_id: str, wanted: Target) -> dict[str | None, str | None]:
    """Return the ids of the versions by number, or refuse what no channel can point at."""
    places = {"/version": wanted.version, "/candidate/version": wanted.candidate}
    query = select(agent_versions.c.number, agent_versions.c.id, agent_versions.c.status).where(
        agent_versions.c.agent_id == agent_id, agent_versions.c.number.in_(filter(None, places.values()))
    )
    found = {row.number: row for row in db.execute(query)}
    errors = []
    if wanted.candidate is not None and wanted.candidate == wanted.version:
        errors.append(FieldError("/candidate/version", "same_version", "A candidate is another version."))
    if wanted.candidate is not None and wanted.version is None:
        errors.append(FieldError("/candidate", "without_version", "Without a version there is nothing to share with."))
    for place, number in places.items():
        if number is not None and number not in found:
            errors.append(FieldError(place, "version_unknown", "The agent has no such version."))
        elif number is not None and found[number].status == VersionStatus.YANKED:
            errors.append(FieldError(place, "version_yanked", "This version was yanked: nobody can launch it."))
    _refuse(errors)
    return {None: None} | {number: row.id for number, row in found.items()}


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise ChannelMoveInvalid(errors=errors)


def _unforced(present: PointedChannel, wanted: Target) -> Iterator[FieldError]:
    """Yield what needs force in a move; what stays as it is needs none."""
    if wanted.version is None:
        yield FieldError("/version", "moves_back", f"{present.name} would point at nothing{_FORCE}")
    elif wanted.version != present.version:
        yield from _not_up("/version", present.name, wanted.version, present.version)
    if wanted.candidate is not None and wanted.candidate != present.candidate:
        yield from _not_up("/candidate/version", present.name, wanted.candidate, wanted.version)


_FORCE: Final = ": set force and give a reason if that is what you mean."


def _not_up(place: str, channel: Channel, number: str, present: str | None) -> Iterator[FieldError]:
    if present is not None and precedence(number) < precedence(present):
        yield FieldError(place, "moves_back", f"{number} comes before {present}{_FORCE}")
    if channel == Channel.STABLE and is_preview(number):
        yield FieldError(place, "pre_release", f"{number} is a pre-release{_FORCE}")


def _replaced_by(db: SharedDb, channel: PointedChannel) -> str | None:
    """Return the number of the version that the channel's present one replaced; yanked ones are passed over."""
    place, passed = channel.version_id, {channel.version_id}
    while True:
        # What a roll-back led to had been there before: asked for is what it had replaced then, not what it came from.
        came_from = (
            select(agent_versions.c.id, agent_versions.c.number, agent_versions.c.status)
            .select_from(channel_moves)
            .outerjoin(agent_versions, channel_moves.c.previous_version_id == agent_versions.c.id)
            .where(channel_moves.c.agent_id == channel.agent_id, channel_moves.c.channel == channel.name.value)
            .where(channel_moves.c.version_id.is_not_distinct_from(place))
            .where(channel_moves.c.previous_version_id.is_distinct_from(place))
            .where(channel_moves.c.kind != MoveKind.ROLLED_BACK.value)
            .order_by(channel_moves.c.id.desc())
            .limit(1)
        )
        row = db.execute(came_from).first()
        if row is None or row.id is None or row.id in passed:
            return None
        if row.status != VersionStatus.YANKED:
            return str(row.number)
        place = row.id
        passed.add(row.id)


def _point(db: SharedDb, present: PointedChannel, wanted: Target, why: Why) -> PointedChannel:
    ids = _ids(db, present.agent_id, wanted)
    led = {
        "version_id": ids[wanted.version],
        "candidate_version_id": ids[wanted.candidate],
        "candidate_percent": wanted.percent,
    }
    row = led | {"agent_id": present.agent_id, "name": present.name.value}
    changed = led | {"row_version": channels.c.row_version + 1, "updated_at": func.now()}
    db.execute(insert(channels).values(row).on_conflict_do_update(index_elements=["agent_id", "name"], set_=changed))
    fact = {
        "id": new_id("mov"),
        "agent_id": present.agent_id,
        "channel": present.name.value,
        "kind": why.kind.value,
        "previous_version_id": present.version_id,
        "reason": why.reason,
        "moved_by": context.current().actor,
    }
    db.execute(insert(channel_moves).values(fact | led))
    event = ChannelMoved(
        agent_id=present.agent_id,
        slug=present.slug,
        channel=present.name,
        kind=why.kind,
        number=wanted.version,
        previous_number=present.version,
        candidate_number=wanted.candidate,
        candidate_percent=wanted.percent,
        reason=why.reason,
    )
    emit(db, event)
    return read(db, Place(present.slug, present.name))
