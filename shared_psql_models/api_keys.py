"""API keys of accounts in user_psql, as the functions know them that work on this database."""

from sqlalchemy import ARRAY, CheckConstraint, Column, Table, Text

from shared_psql_models.tables import TIME, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, unique=True, comment="sha256 of the key; null once it was revoked"),
    Column("account_id", Text),
    Column("scopes", ARRAY(Text)),
    Column("expires_at", TIME, nullable=False, index=True),
    Column("last_used_at", TIME, comment="to the minute, and only by what works on this database"),
    CheckConstraint("num_nulls(hash, account_id, scopes) in (0, 3)", name="whole"),
)
