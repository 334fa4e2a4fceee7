"""GET /rows/{key}: one row by its key."""

from typing import Final

from sqlalchemy import text

from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply

QUERY: Final = text("select id, name, summary from rows where id = :id")


class Row(Reply):
    """A row."""

    id: str
    name: str
    summary: str


@endpoint("GET", "/rows/{key}")
def read_row(key: str, db: SharedDb) -> Row:
    """Read it in a transaction of the role `botberi_user`."""
    return Row.model_validate(dict(db.execute(QUERY, {"id": key}).mappings().one()))
