"""The page docs/security/rights.md, from what migrated databases say of roles."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import RowMapping, text

from migrations.databases import DATABASES, connect
from tools.pages import table

FILE: Final = Path("docs/security/rights.md")

_HEAD: Final = """\
<!-- Written by `make schema` from what migrated databases say: change the migrations, not this page. -->

# What each role may do in Postgres

Each service and each API's functions log in as a role of their own, `botberi_<name>`, with the secret
`user-psql-<name>` or `shared-psql-<name>`. All tables and functions belong to `botberi_migrator`, who migrates and is
used by nothing that runs; nothing is granted to everybody. A right on columns is a right on these and no others. A
function may do what its owner may, for whoever is allowed to call it, and does nothing else.

A role that isn't listed under a database may do nothing there.
"""

# Nobody but the owner has rights on partitions; who reads the outbox reads it as a whole.
_GRANTS: Final = text("""
select grantee::regrole::text as role, relname as name, lower(privilege_type) as what, null as attname
from pg_class, aclexplode(relacl)
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and not relispartition
  and grantee <> relowner
union all
select grantee::regrole::text, relname, lower(privilege_type), attname
from pg_attribute join pg_class on pg_class.oid = attrelid, aclexplode(attacl)
where relnamespace = 'public'::regnamespace and not relispartition and not attisdropped and grantee <> relowner
union all
select grantee::regrole::text, proname || '()', lower(privilege_type), null
from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
where pronamespace = 'public'::regnamespace and grantee <> proowner
order by 1, 2, 3, 4
""")


def page() -> str:
    """Return the page, from the databases of the settings in the environment."""
    parts = [_HEAD]
    for database in sorted(DATABASES, reverse=True):
        with connect(database, "migrator").begin() as connection:
            rows = connection.execute(_GRANTS).mappings().all()
        parts.append(f"\n## {database}\n")
        # A right that everybody has would be that of the role `-`.
        for role in sorted({row["role"] for row in rows}):
            lines = _lines([row for row in rows if row["role"] == role])
            parts.append(f"\n### `{role}`\n\n{table(('on', 'may'), lines)}\n")
    return "".join(parts)


def _lines(rows: Iterable[RowMapping]) -> list[tuple[str, str]]:
    rights: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        columns = rights[row["name"]][row["what"]]
        if row["attname"]:
            columns.append(row["attname"])
    return [
        (f"`{name}`", "; ".join(f"{what} ({', '.join(some)})" if some else what for what, some in each.items()))
        for name, each in rights.items()
    ]
