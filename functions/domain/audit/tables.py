"""The tables of the audit trail, which both databases have.

For migrations and whoever looks at a database: functions speak to them in SQL, and don't load SQLAlchemy's table
classes at a cold start.
"""

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)

from shared_psql_models.tables import TIME
from shared_psql_models.tables import metadata as shared_metadata

metadata = MetaData(naming_convention=shared_metadata.naming_convention)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recorded_at", TIME, nullable=False),
    Column("origin", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("targets", ARRAY(Text), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("details", JSON, comment="JSON text as it was given, whose bytes are hashed; null once it was erased"),
    Column("salt", LargeBinary, comment="of the commitment; erased with the details, which then nobody can guess"),
    Column("details_commitment", LargeBinary, nullable=False, comment="sha256 of the salt and the details"),
    Column(
        "entry_hash", LargeBinary, nullable=False, comment="sha256 of all that is here but the details and the salt"
    ),
    CheckConstraint("origin in ('request', 'command', 'event')", name="origin"),
    CheckConstraint("outcome in ('succeeded', 'refused', 'failed')", name="outcome"),
    CheckConstraint("(details is null) = (salt is null)", name="erased"),
    Index(None, "action", "id"),
    Index(None, "origin", "id"),
    Index(None, "outcome", "id", postgresql_where=text("outcome <> 'succeeded'")),
    comment="who did what: appended by append_audit_entry() alone",
)

audit_parties = Table(
    "audit_parties",
    metadata,
    Column("party", Text, primary_key=True),
    Column("acted", Boolean, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    comment="by whom an entry is found: its actor, without an API key, and its targets",
)

audit_queue = Table(
    "audit_queue",
    metadata,
    Column("entry_id", Text, nullable=False),
    comment="entries that are not sealed yet",
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", Text, nullable=False, unique=True),
    Column("entry_hash", LargeBinary, nullable=False),
    Column(
        "chain_hash",
        LargeBinary,
        nullable=False,
        comment="sha256 of the chain_hash before it, the entry_hash and the seq",
    ),
    comment="the order of entries, as a chain of hashes: without gaps, and never two after one",
)

audit_anchors = Table(
    "audit_anchors",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False, comment="sha256 of the document"),
    Column("document", Text, nullable=False, comment="the text of what was put there"),
    Column("anchored_at", TIME, nullable=False, server_default=func.now()),
    comment="what was put into the store of anchors of the chain",
)
