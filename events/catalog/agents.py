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
    """The names of what changed, sorted: `description`, `listed`, `name`, `summary`; there may be more."""


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
