"""What instances keep secret: values out of their configs, each encrypted on its own."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text, func

from shared_psql_models.tables import TIME, Record, metadata

instance_secrets = Table(
    "instance_secrets",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("place", Text, primary_key=True, comment="a JSON Pointer into the config"),
    Column("version", Integer, primary_key=True, comment="the generation that it came with; a new value is a new row"),
    Column("key_id", Text, nullable=False, comment="the master key that wraps the data key"),
    Column("wrapped_key", LargeBinary, nullable=False, comment="the data key, encrypted with the master key"),
    Column("sealed", LargeBinary, nullable=False, comment="the value as JSON, encrypted with the data key"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
)


class InstanceSecret(Record):
    """A row of `instance_secrets`."""

    instance_id: str
    place: str
    version: int
    key_id: str
    wrapped_key: bytes
    sealed: bytes
    created_at: datetime
