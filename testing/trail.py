"""The audit trail, as tests read it."""

from typing import Any

from sqlalchemy import text

from testing.environment import Environment

_READ = text(
    "select id, recorded_at, origin, actor, action, targets, outcome, details from audit_entries"
    " where (cast(:action as text) is null or action = :action)"
    " and (cast(:target as text) is null or :target = any (targets))"
    " and (cast(:actor as text) is null or actor = :actor) order by id"
)


def entries(
    env: Environment,
    database: str,
    *,
    action: str | None = None,
    target: str | None = None,
    actor: str | None = None,
) -> list[dict[str, Any]]:
    """Return the entries of an action, about a target, by an actor, oldest first; None stands for any."""
    with env.transaction(database, "admin") as db:
        rows = db.execute(_READ, {"action": action, "target": target, "actor": actor})
        return [dict(row) for row in rows.mappings()]
