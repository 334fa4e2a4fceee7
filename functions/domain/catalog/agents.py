"""Agents: what the catalog says of each, and who gets to see it."""

from collections.abc import Container, Mapping
from typing import Final

from sqlalchemy import ColumnElement, Select, func, literal, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from core.ids import new_id
from events.catalog.agents import AgentChanged, AgentCreated
from events.outbox import emit
from functions.domain.api_errors import Conflict, NotFound, PreconditionFailed
from functions.domain.databases import SharedDb
from shared_psql_models.agents import Agent, agent_versions, agents, channels

SLUG: Final = r"^[a-z][a-z0-9-]{1,62}$"


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


def create(  # noqa: PLR0913 - each is a fact about the agent, given by name
    db: SharedDb, *, slug: str, name: str, summary: str, description: str = "", listed: bool = True
) -> str:
    """Add an agent to the catalog and return its id. Raises SlugTaken."""
    agent_id = new_id("agt")
    row = {
        "id": agent_id,
        "slug": slug,
        "name": name,
        "summary": summary,
        "description": description,
        "listed": listed,
    }
    added = insert(agents).values(row).on_conflict_do_nothing(index_elements=["slug"]).returning(agents.c.id)
    if db.scalar(added) is None:
        raise SlugTaken
    emit(db, AgentCreated(agent_id=agent_id, slug=slug))
    return agent_id


def change(db: SharedDb, slug: str, versions: Container[str], fields: Mapping[str, str | bool]) -> ListedAgent:
    """Change what the catalog says of an agent and return it.

    `fields` may hold `name`, `summary`, `description` and `listed`. The event names those that differ from before;
    without any, nothing is changed or emitted. Raises AgentNotFound, and AgentChangedMeanwhile unless the agent's
    `row_version` is one of `versions`.
    """
    row = db.execute(select(agents).where(agents.c.slug == slug).with_for_update()).mappings().first()
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


def search(
    db: SharedDb, words: str | None, *, after: str | None, limit: int, unlisted: bool = False
) -> list[ListedAgent]:
    """Return agents, newest first, in which every one of `words` occurs: in name, summary, description or slug.

    Case, accents and width don't count, and no character is a wildcard. `after` is the id that ended the page before.
    """
    query = _visible(unlisted=unlisted).order_by(agents.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(agents.c.id < after)
    text = func.concat_ws("\n", agents.c.name, agents.c.summary, agents.c.description, agents.c.slug)
    for word in (words or "").split():
        query = query.where(func.strpos(_folded(text), _folded(literal(word))) > 0)
    return [ListedAgent.of(row) for row in db.execute(query).mappings()]


_MARKS: Final = "[\u0300-\u036f]"
"""The combining marks that accents become when letters are taken apart."""


def _folded(text: ColumnElement[str]) -> ColumnElement[str]:
    """Return the form in which texts are compared in a search: without accents, and all of one width and case.

    NFKD takes letters apart, so that accents can be removed, and makes wide forms plain. `lower` leaves two letters
    that have the same capitals as others: ß, which is SS, and the sigma at the end of a word.
    """
    apart = func.normalize(text, literal_column("NFKD"))
    plain = func.lower(func.regexp_replace(apart, _MARKS, "", "g"))
    return func.replace(func.replace(plain, "ß", "ss"), "\u03c2", "\u03c3")


def _visible(*, unlisted: bool) -> Select[*tuple[object, ...]]:
    pointed = (
        select(func.jsonb_object_agg(channels.c.name, agent_versions.c.number))
        .join_from(channels, agent_versions, channels.c.version_id == agent_versions.c.id)
        .where(channels.c.agent_id == agents.c.id)
        .scalar_subquery()
    )
    query = select(agents, func.coalesce(pointed, literal_column("'{}'::jsonb")).label("channels"))
    return query if unlisted else query.where(agents.c.listed)
