"""The errors of statements and connections, as everybody else knows them."""

from pg8000.exceptions import DatabaseError, Error, InterfaceError

__all__ = ["DatabaseError", "Error", "InterfaceError", "sqlstate"]


def sqlstate(error: BaseException) -> str:
    """Return Postgres' code of an error, such as `23505`; empty when the error isn't Postgres'."""
    match error.args:
        case ({"C": str(code)},):
            return code
    return ""
