"""Run the `.sql` files that a revision is made of."""

from pathlib import Path

from alembic import op


def run(*files: str) -> None:
    """Execute each file, named by its path in this package, as a whole."""
    for file in files:
        op.execute((Path(__file__).parent / file).read_text(encoding="utf-8"))
