"""`python -m tools.manifests.schema`: write the files that show what freshly migrated databases are.

These are `migrations/<database>/schema.sql` and docs/security/rights.md.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from core.configuration import secret, setting
from migrations.databases import DATABASES
from provisioning import local_settings
from tools.local import databases
from tools.local.ports import free
from tools.local.servers import services
from tools.local.servers.binaries import find
from tools.manifests import rights

HEAD: Final = """\
-- Written by `make schema` from a migrated database: change the migrations, not this file.
--
-- Everything belongs to botberi_migrator; who else may do what is in docs/security/rights.md. The partitions of
-- tables are left out, and what event_producers() returns, which is written from the catalog of events.

"""

_OPTIONS: Final = (
    *("--schema-only", "--no-owner", "--no-privileges", "--schema=public"),
    *(f"--exclude-table={table}" for table in ("alembic_version", "outbox_default", "outbox_p*", "run_events_*")),
)

_NOISE: Final = re.compile(
    r"^(?:--\n-- .*\n--|-- Dumped .*|\\(?:un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*|.* SCHEMA public.*)\n",
    re.MULTILINE,
)
"""What differs between versions of Postgres and runs of pg_dump, or repeats the name of what follows."""

_VIEW: Final = re.compile(r"^CREATE VIEW .*?;$", re.MULTILINE | re.DOTALL)
_QUALIFIER: Final = re.compile(r"\b(?!public\.)[a-z_]+\.(?=[a-z_]+)")
"""Before a column of a view; Postgres 16 and later leave it out where a select has one table."""

_PRODUCERS: Final = re.compile(r"'\{.*\}'(?=::jsonb \$\$;)")


def file(database: str) -> Path:
    """Return the path of a database's schema in the repository."""
    return Path("migrations") / database / "schema.sql"


def schema(database: str) -> str:
    """Return the text of that file, from the database of the settings in the environment."""
    address, _, name = setting(f"{database.upper()}_URL").partition("/")
    host, _, port = address.partition(":")
    password = secret(f"{database}-migrator".replace("_", "-"))
    command = [str(find("pg_dump")), *_OPTIONS, f"--host={host}", f"--port={port}", "--username=botberi_migrator", name]
    dump = subprocess.run(command, env={"PGPASSWORD": password}, stdout=subprocess.PIPE, text=True, check=True).stdout
    text = _PRODUCERS.sub("'{}'", _NOISE.sub("", dump))
    text = _VIEW.sub(lambda view: _QUALIFIER.sub("", view[0]), text)
    return HEAD + re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def main() -> None:
    """Start databases that nobody else uses, migrate them, and write what they are."""
    with tempfile.TemporaryDirectory(prefix="botberi-schema-") as folder:
        run, ports = Path(folder), free()
        with services.running(run, ports, durable=False, databases_alone=True):
            os.environ.update(local_settings.environment(run, ports))
            databases.prepare()
            (local_settings.ROOT / rights.FILE).write_text(rights.page(), encoding="utf-8")
            for database in DATABASES:
                (local_settings.ROOT / file(database)).write_text(schema(database), encoding="utf-8")


if __name__ == "__main__":
    main()
