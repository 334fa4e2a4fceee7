"""Where push notifications about runs go."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, func, text

from shared_psql_models.tables import TIME, Record, metadata

_SEALED = "(sealed is null) = (key_id is null) and (sealed is null) = (wrapped_key is null)"

push_configs = Table(
    "push_configs",
    metadata,
    Column("run_id", Text(collation="C"), ForeignKey("runs.id", ondelete="cascade"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("sealed", LargeBinary, comment="how they authenticate themselves there, encrypted; null if they don't"),
    Column(
        "notified_sequence",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the number of the last event of the run that was told there",
    ),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column(
        "subject",
        Text,
        nullable=False,
        unique=True,
        comment="what events about it are about, `psh_…`; `id` is its client's",
    ),
    Column("scheme", Text, comment="of the authentication; null if there is none"),
    Column("key_id", Text, comment="the master key that wraps the data key; null if nothing is sealed"),
    Column("wrapped_key", LargeBinary, comment="the data key, encrypted with the master key"),
    Column("claimed_until", TIME, comment="until when one deliverer alone notifies; null when none does"),
    Column("failing_since", TIME, comment="since when nothing was accepted there; null while everything is"),
    CheckConstraint(_SEALED, name="sealed"),
    Index("push_configs_claimed_until_idx", "claimed_until", postgresql_where=text("claimed_until is not null")),
    comment="where notifications about runs go",
)


class PushConfig(Record):
    """A row of `push_configs`."""

    run_id: str
    id: str
    url: str
    sealed: bytes | None
    notified_sequence: int
    created_at: datetime
    subject: str
    scheme: str | None
    key_id: str | None
    wrapped_key: bytes | None
    claimed_until: datetime | None
    failing_since: datetime | None
