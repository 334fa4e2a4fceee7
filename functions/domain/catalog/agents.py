"""Agents: what the catalog says of each, and who gets to see it."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Required, TypedDict, Unpack

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from core.ids import new_id
from events.catalog.agents import AgentChanged, AgentCreated
from events.outbox import emit
from functions.domain.api_errors import BAD_CURSOR, Conflict, Invalid, NotFound, PreconditionFailed
from functions.domain.databases import SharedDb
from shared_psql_models.agents import AGENT, Agent, agent_versions, agents, channels

SLUG: Final = r"^[a-z][a-z0-9-]{1,62}$"
TAG: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
MAX_TAG: Final = 40
"""Characters of a tag or a capability."""


class AgentNotFound(NotFound):
    """There is no such agent in the catalog."""


class SlugTaken(Conflict):
    """Another agent has this slug already: choose another."""


class AgentChangedMeanwhile(PreconditionFailed):
    """The agent has changed since you read it: read it again, then repeat the change with its new ETag."""


class ListedAgent(Agent):
    """An agent, with its channels."""

    channels: dict[str, str]
    """The number of the version that each points at."""


class Says(TypedDict, total=False):
    """What the catalog says of an agent."""

    name: Required[str]
    summary: Required[str]
    description: str
    tags: list[str]
    """What it is about."""
    capabilities: list[str]
    """What it can do."""
    listed: bool
    featured_rank: int
    """Where it stands among those that are shown first: 1 before 2; 0 for elsewhere."""


def create(db: SharedDb, slug: str, **says: Unpack[Says]) -> str:
    """Add an agent to the catalog and return its id. Raises SlugTaken."""
    agent_id = new_id("agt")
    added = (
        insert(agents)
        .values({"id": agent_id, "slug": slug, **says})
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(agents.c.id)
    )
    if db.scalar(added) is None:
        raise SlugTaken
    emit(db, AgentCreated(agent_id=agent_id, slug=slug))
    return agent_id


def change(
    db: SharedDb, slug: str, versions: Container[str], fields: Mapping[str, str | bool | int | list[str]]
) -> ListedAgent:
    """Change what the catalog says of an agent and return it.

    `fields` may hold what `Says` has. The event names those that differ from before; without any, nothing is changed or
    emitted. Raises AgentNotFound, and AgentChangedMeanwhile unless the agent's `row_version` is one of `versions`.
    """
    row = db.execute(select(*AGENT).where(agents.c.slug == slug).with_for_update()).mappings().first()
    if row is None:
        raise AgentNotFound
    agent = Agent.of(row)
    if str(agent.row_version) not in versions:
        raise AgentChangedMeanwhile
    changed = {name: value for name, value in fields.items() if getattr(agent, name) != value}
    if changed:
        counted = {"row_version": agents.c.row_version + 1, "updated_at": func.now()}
        db.execute(update(agents).where(agents.c.id == agent.id).values(changed | counted))
        emit(db, AgentChanged(agent_id=agent.id, slug=slug, fields=sorted(changed)))
    return find(db, slug, unlisted=True)


def find(db: SharedDb, slug: str, *, unlisted: bool = False) -> ListedAgent:
    """Return an agent. Raises AgentNotFound, for one that isn't listed too unless `unlisted` is True."""
    row = db.execute(_visible(unlisted=unlisted).where(agents.c.slug == slug)).mappings().first()
    if row is None:
        raise AgentNotFound
    return ListedAgent.of(row)


@dataclass(frozen=True)
class Wanted:
    """Which agents to find: those that fit all that is given."""

    words: str = ""
    """Each must occur in the name, slug, tags, capabilities, summary or description; case, accents and width don't
    count, and no character is a wildcard."""
    tag: str | None = None
    capability: str | None = None
    unlisted: bool = False
    """Whether to find those too that aren't listed."""
    featured: bool = False
    """Whether to find those alone that are featured, by their rank."""


class Tier(IntEnum):
    """In which order agents come that were found by words."""

    NAMED = 1
    """The name, slug, tags or capabilities have words that begin with all that are looked for."""
    OTHERS = 2


class FoundAgent(ListedAgent):
    """An agent that was found."""

    place: str
    """Where it stands among all that were found, for the page after it."""


def search(db: SharedDb, wanted: Wanted, *, after: str | None, limit: int) -> list[FoundAgent]:
    """Return agents that were looked for: those that are featured by rank, others tier after tier, and then the newest.

    `after` is the place that ended the page before; raises Invalid for one that can't be.
    """
    if wanted.featured:
        query = _featured(wanted, after).limit(limit)
        return [FoundAgent.of(row) for row in db.execute(query).mappings()]
    tier, agent_id = (Tier.NAMED if wanted.words.split() else Tier.OTHERS, None) if after is None else _place(after)
    found: list[FoundAgent] = []
    # One after the other, and no further than a page: to rank all agents that have a common word would take seconds.
    for each in (each for each in Tier if each >= tier):
        if len(found) < limit:
            query = searching(each, wanted, after=agent_id if each == tier else None).limit(limit - len(found))
            found += [FoundAgent.of(row) for row in db.execute(query).mappings()]
    return found


_PLACE: Final = re.compile(r"^([12]) (agt_\w{1,64})$", re.ASCII)


def _place(after: str) -> tuple[Tier, str]:
    found = _PLACE.match(after)
    if found is None:
        raise Invalid(errors=[BAD_CURSOR])
    return Tier(int(found[1])), found[2]


_FEATURED_PLACE: Final = re.compile(r"^([0-9]{1,4}) (agt_\w{1,64})$", re.ASCII)


def _featured(wanted: Wanted, after: str | None) -> Select[*tuple[object, ...]]:
    """Return the query for agents that are featured and fit, by their rank, after a place."""
    rank = agents.c.featured_rank
    place = func.concat(rank, " ", agents.c.id).label("place")
    found = _fitting(_visible(unlisted=wanted.unlisted).add_columns(place).where(rank > 0), wanted)
    found = found.order_by(rank, agents.c.id.desc())
    if after is None:
        return found
    at = _FEATURED_PLACE.match(after)
    if at is None:
        raise Invalid(errors=[BAD_CURSOR])
    return found.where(or_(rank > int(at[1]), and_(rank == int(at[1]), agents.c.id < at[2])))


def searching(tier: Tier, wanted: Wanted, *, after: str | None = None) -> Select[*tuple[object, ...]]:
    """Return the query for those in a tier that fit, the newest first, after the agent with the id `after`."""
    place = func.concat(f"{tier} ", agents.c.id).label("place")
    found = _visible(unlisted=wanted.unlisted).add_columns(place).order_by(agents.c.id.desc())
    words = wanted.words.split()
    if words:
        named = agents.c.names.bool_op("@@")(func.search_query(cast(words, ARRAY(Text))))
        found = found.where(named if tier == Tier.NAMED else not_(named))
    found = _fitting(found, wanted)
    return found if after is None else found.where(agents.c.id < after)


def _fitting(found: Select[*tuple[object, ...]], wanted: Wanted) -> Select[*tuple[object, ...]]:
    """Return the query for those alone that have the words, the tag and the capability."""
    for word in wanted.words.split():
        found = found.where(agents.c.searched.like(_containing(word)))
    if wanted.tag is not None:
        found = found.where(agents.c.tags.contains([wanted.tag]))
    if wanted.capability is not None:
        found = found.where(agents.c.capabilities.contains([wanted.capability]))
    return found


def _containing(word: str) -> ColumnElement[str]:
    """Return a pattern for text that contains the word, which may have characters that mean something in a pattern."""
    plain = func.regexp_replace(func.search_text(word), r"([\\%_])", r"\\\1", "g")
    # Not by `concat`, which isn't immutable: the planner couldn't know how rare the word is.
    return literal("%").op("||")(plain).op("||")(literal("%"))


def _visible(*, unlisted: bool) -> Select[*tuple[object, ...]]:
    pointed = (
        select(func.jsonb_object_agg(channels.c.name, agent_versions.c.number))
        .join_from(channels, agent_versions, channels.c.version_id == agent_versions.c.id)
        .where(channels.c.agent_id == agents.c.id)
        .scalar_subquery()
    )
    query = select(*AGENT, func.coalesce(pointed, literal_column("'{}'::jsonb")).label("channels"))
    return query if unlisted else query.where(agents.c.listed)
