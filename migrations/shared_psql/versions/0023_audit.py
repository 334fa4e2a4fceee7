"""What is done is in the audit trail in the transaction that does it; events only add to it."""

import json

from alembic import op
from sqlalchemy import Connection, RowMapping, text

from migrations.sql import run

revision = "0023"
down_revision = "0022"

_ROWS = 1000

_TAKE = text(
    "delete from audit where id in (select id from audit order by id limit :rows)"
    " returning id, source, event_id, type, subject, actor, trace_id, data, happened_at, recorded_at"
)

_KEEP = text(
    "with entry as ("
    "  select cast(:id as text) as id, cast(:recorded_at as timestamptz) as recorded_at, cast(:actor as text) as actor,"
    "    cast(:action as text) as action, array[cast(:target as text)] as targets, cast(:details as text) as details,"
    "    uuid_send(gen_random_uuid()) as salt"
    "), kept as ("
    "  insert into audit_entries select id, recorded_at, 'event', actor, action, targets, 'succeeded',"
    "    cast(details as json), salt, hidden,"
    "    audit_entry_hash(id, recorded_at, 'event', actor, action, targets, 'succeeded', hidden)"
    "  from entry, lateral (select sha256(salt || convert_to(details, 'UTF8')) as hidden) as commitment"
    "), parties as ("
    "  insert into audit_parties"
    "  select split_part(actor, '/', 1), true, id from entry union all select targets[1], false, id from entry"
    ") insert into audit_queue select id from entry"
)


def upgrade() -> None:
    """Add it, and move into it what was recorded of events; the table of those goes with a later release."""
    run("shared_psql/sql/0023_audit.sql", "audit_trail/0001_audit.sql")
    connection = op.get_bind()
    while rows := connection.execute(_TAKE, {"rows": _ROWS}).mappings().all():
        for row in rows:
            _keep(connection, row)


def _keep(connection: Connection, row: RowMapping) -> None:
    told = {name: row[name] for name in ("source", "event_id", "trace_id", "data")} | {
        "time": row["happened_at"].isoformat()
    }
    details = {name: value for name, value in told.items() if value is not None}
    values = {
        **{name: row[name] for name in ("id", "recorded_at", "actor")},
        "action": row["type"],
        "target": row["subject"],
        "details": json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    }
    connection.execute(_KEEP, values)


def downgrade() -> None:
    """Drop it; what was recorded since is lost with it."""
    run("audit_trail/0001_drop.sql")
