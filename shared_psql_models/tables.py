"""What every table of shared_psql belongs to, and every model of a row descends from."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, JsonValue, SkipValidation
from sqlalchemy import TIMESTAMP, MetaData, RowMapping

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

TIME = TIMESTAMP(timezone=True)


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """Return the condition that a column has one of some values."""
    return f"{column} in ({', '.join(repr(each.value) for each in values)})"


Json = Annotated[dict[str, JsonValue], SkipValidation]
"""An object of a JSON column, which Postgres has seen to."""


class Record(BaseModel):
    """A row as it was read. A table's model has the table's columns; a query that adds some has a subclass."""

    # Built when the first row is read: most functions read few tables. What is in a row is not for logs.
    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the row of a result."""
        return cls.model_validate(dict(row))
