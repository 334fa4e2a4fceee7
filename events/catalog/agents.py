"""Events about the catalog of agents, from shared_psql."""

from events.event import Event


class AgentCreated(Event, type="com.botberi.agent.created.v1", subject="agent_id", produced_by=("shared_psql/admin",)):
    """An administrator added an agent to the catalog.

    Said when the entry is made. Nobody can launch it before a version of it is published.
    """

    agent_id: str
    """The new agent, `agt_…`."""
    slug: str
    """Its name in addresses, which it keeps."""


class AgentChanged(Event, type="com.botberi.agent.changed.v1", subject="agent_id", produced_by=("shared_psql/admin",)):
    """An administrator changed what the catalog says of an agent.

    Said when something became different; setting what is so already says nothing.
    """

    agent_id: str
    """The agent, `agt_…`."""
    slug: str
    """Its name in addresses."""
    fields: list[str]
    """The names of what changed, sorted: `capabilities`, `description`, `featured_rank`, `listed`, `name`, `summary`,
    `tags`; there may be more."""


class VersionPublished(
    Event, type="com.botberi.version.published.v1", subject="agent_id", produced_by=("shared_psql/admin",)
):
    """An administrator published an immutable version of an agent, and the channels named now point at it.

    Said when the version is stored and its channels are moved, in one transaction.
    """

    agent_id: str
    """The agent, `agt_…`."""
    version_id: str
    """The new version, `ver_…`."""
    slug: str
    """The agent's name in addresses."""
    number: str
    """The version's number, as in semantic versioning: `1.2.0`."""
    channels: list[str]
    """The channels that point at it from now on: `stable`, `beta`."""


class VersionDeprecated(
    Event, type="com.botberi.version.deprecated.v1", subject="agent_id", produced_by=("shared_psql/admin",)
):
    """An administrator deprecated a version of an agent: it can be launched, but shouldn't be.

    Said each time that its status becomes this, and when the reason changes.
    """

    agent_id: str
    """The agent, `agt_…`."""
    version_id: str
    """The version, `ver_…`."""
    slug: str
    """The agent's name in addresses."""
    number: str
    """The version's number: `1.2.0`."""
    reason: str
    """Why, in words for people who run it."""


class VersionYanked(
    Event, type="com.botberi.version.yanked.v1", subject="agent_id", produced_by=("shared_psql/admin",)
):
    """An administrator yanked a version of an agent: nobody can launch it any more; what runs of it goes on.

    Said each time that its status becomes this, and when the reason changes.
    """

    agent_id: str
    """The agent, `agt_…`."""
    version_id: str
    """The version, `ver_…`."""
    slug: str
    """The agent's name in addresses."""
    number: str
    """The version's number: `1.2.0`."""
    reason: str
    """Why, in words for people who run it."""


class VersionRestored(
    Event, type="com.botberi.version.restored.v1", subject="agent_id", produced_by=("shared_psql/admin",)
):
    """An administrator took back that a version was deprecated or yanked.

    Said when its status becomes `published` again.
    """

    agent_id: str
    """The agent, `agt_…`."""
    version_id: str
    """The version, `ver_…`."""
    slug: str
    """The agent's name in addresses."""
    number: str
    """The version's number: `1.2.0`."""
    reason: str
    """Why, in words for people; may be empty."""


class ChannelMoved(Event, type="com.botberi.channel.moved.v1", subject="agent_id", produced_by=("shared_psql/admin",)):
    """A channel of an agent points elsewhere: new instances get another version than before.

    Said for every move, by a publication too, and when the candidate or its share changes. Instances keep their
    version.
    """

    agent_id: str
    """The agent, `agt_…`."""
    slug: str
    """The agent's name in addresses."""
    channel: str
    """`stable` or `beta`."""
    kind: str
    """How: `published`, `moved` or `rolled_back`; there may be more."""
    number: str | None
    """The number of the version that it points at now; null for none."""
    previous_number: str | None
    """That before; null for none."""
    candidate_number: str | None
    """The version that a share of new instances gets instead; null for none."""
    candidate_percent: int | None
    """That share, 0 to 100."""
    reason: str
    """Why, in words; empty where nothing had to be said."""
