"""The catalog: agents, their immutable versions, the bundles these are made of, the channels that point at them."""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TSVECTOR

from shared_psql_models.statuses import VersionStatus
from shared_psql_models.tables import TIME, Json, Record, metadata

_NAMES: Final = "name, slug, tags, capabilities"

agents = Table(
    "agents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("listed", Boolean, nullable=False, server_default="true", comment="whether people find it in the catalog"),
    Column("row_version", Integer, nullable=False, server_default="1"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("updated_at", TIME, nullable=False, server_default=func.now()),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}", comment="what it is about"),
    Column("capabilities", ARRAY(Text), nullable=False, server_default="{}", comment="what it can do"),
    Column(
        "featured_rank",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="where it stands among those that are shown first: 1 before 2; 0 for elsewhere",
    ),
    Column("searched", Text, Computed(f"search_whole({_NAMES}, summary, description)", persisted=True)),
    Column("names", TSVECTOR, Computed(f"search_names({_NAMES})", persisted=True)),
    Index("agents_searched_idx", "searched", postgresql_using="gin", postgresql_ops={"searched": "gin_trgm_ops"}),
    Index("agents_names_idx", "names", postgresql_using="gin"),
    Index("agents_tags_idx", "tags", postgresql_using="gin"),
    Index("agents_capabilities_idx", "capabilities", postgresql_using="gin"),
    Index("agents_featured_idx", "featured_rank", text("id desc"), postgresql_where=text("featured_rank > 0")),
    CheckConstraint("featured_rank between 0 and 1000", name="featured_rank"),
    CheckConstraint("slug ~ '^[a-z][a-z0-9-]{1,62}$'", name="slug"),
)

bundles = Table(
    "bundles",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
)

agent_versions = Table(
    "agent_versions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent_id", Text, ForeignKey("agents.id"), nullable=False),
    Column("number", Text, nullable=False, comment="semantic version"),
    Column("config_schema", JSON, nullable=False, comment="JSON Schema 2020-12; writeOnly properties are secret"),
    Column("image", Text, comment="an OCI image reference, or null when there is a bundle"),
    Column("bundle_sha256", Text, ForeignKey("bundles.sha256")),
    Column("changelog", Text, nullable=False, server_default=""),
    Column("published_by", Text, nullable=False),
    Column("published_at", TIME, nullable=False, server_default=func.now()),
    Column("status", Text, nullable=False, server_default="published"),
    Column(
        "status_reason", Text, nullable=False, server_default="", comment="for people: why it is deprecated or yanked"
    ),
    Column("status_changed_by", Text),
    Column("status_changed_at", TIME),
    Column("row_version", Integer, nullable=False, server_default="1"),
    Index("agent_versions_agent_id_split_part_idx", "agent_id", func.split_part(text("number"), "+", 1), unique=True),
    Column(
        "retries",
        Integer,
        nullable=False,
        server_default="0",
        comment="how often a run is tried again that was lost or that failed",
    ),
    Column(
        "interface",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="what it offers to clients of protocols: skills, tools, prompts, resources",
    ),
    CheckConstraint("retries between 0 and 10", name="retries"),
    CheckConstraint("(image is null) <> (bundle_sha256 is null)", name="source"),
    CheckConstraint("status in ('published', 'deprecated', 'yanked')", name="status"),
)

version_deployments = Table(
    "version_deployments",
    metadata,
    Column("version_id", Text, ForeignKey("agent_versions.id"), primary_key=True),
    Column("deployed_at", TIME, comment="since when something of it may be on the platform; null when nothing is"),
    Column("url", Text, comment="where it was last seen to answer; null when it isn't known to"),
    Column("lease_owner", Text, comment="who deploys or removes it, drawn at random; null when nobody does"),
    Column("lease_expires_at", TIME),
)

channels = Table(
    "channels",
    metadata,
    Column("agent_id", Text, ForeignKey("agents.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version_id", Text, ForeignKey("agent_versions.id")),
    Column("updated_at", TIME, nullable=False, server_default=func.now()),
    Column("candidate_version_id", Text, ForeignKey("agent_versions.id")),
    Column("candidate_percent", SmallInteger),
    Column("row_version", Integer, nullable=False, server_default="1"),
    CheckConstraint("name in ('stable', 'beta')", name="name"),
    CheckConstraint(
        "(candidate_version_id is null) = (candidate_percent is null) and candidate_percent between 0 and 100"
        " and (candidate_version_id is null or version_id is not null)",
        name="candidate",
    ),
)

channel_moves = Table(
    "channel_moves",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent_id", Text, ForeignKey("agents.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="published: by a publication; rolled_back: to what it replaced"),
    Column("previous_version_id", Text, ForeignKey("agent_versions.id")),
    Column("version_id", Text, ForeignKey("agent_versions.id")),
    Column("candidate_version_id", Text, ForeignKey("agent_versions.id")),
    Column("candidate_percent", SmallInteger),
    Column("reason", Text, nullable=False, server_default=""),
    Column("moved_by", Text, nullable=False),
    Column("moved_at", TIME, nullable=False, server_default=func.now()),
    Index("channel_moves_agent_id_channel_id_idx", "agent_id", "channel", "id"),
    CheckConstraint("kind in ('published', 'moved', 'rolled_back')", name="kind"),
)


AGENT: Final = [each for each in agents.c if each.computed is None]
"""What a row is read by: without what is there to be searched alone."""


class Agent(Record):
    """A row of `agents`."""

    id: str
    slug: str
    name: str
    summary: str
    description: str
    tags: list[str]
    capabilities: list[str]
    featured_rank: int
    listed: bool
    row_version: int
    created_at: datetime
    updated_at: datetime


class AgentVersion(Record):
    """A row of `agent_versions`."""

    id: str
    agent_id: str
    number: str
    config_schema: Json
    image: str | None
    bundle_sha256: str | None
    changelog: str
    published_by: str
    published_at: datetime
    status: VersionStatus
    status_reason: str
    status_changed_by: str | None
    status_changed_at: datetime | None
    row_version: int
    retries: int
    interface: Json
