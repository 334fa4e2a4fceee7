"""Messages of Postgres' extended query protocol: Parse a statement, Bind its values, Describe and Execute it."""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from pg8000.core import BIND, DESCRIBE, EXECUTE_MSG, PARSE, PORTAL

_NUL: Final = b"\x00"
_int32: Final = Struct("!i").pack
_int16: Final = Struct("!H").pack


def _message(code: bytes, data: bytes) -> bytes:
    return b"".join((code, _int32(len(data) + 4), data))


def parse(statement: bytes, oids: Sequence[int] = (), name: bytes = b"") -> bytes:
    """Return the message Parse for a statement; `oids` are the types of its values, -1 where Postgres infers one.

    Under a name it is kept.
    """
    types = b"".join(_int32(0 if oid == -1 else oid) for oid in oids)
    return _message(PARSE, name + _NUL + statement + _NUL + _int16(len(oids)) + types)


def bind(values: tuple[bytes | None, ...], name: bytes = b"") -> bytes:
    """Return the message Bind with the values, as text and None for NULL, of the statement that has a name or none."""
    given = b"".join(_int32(-1) if value is None else _int32(len(value)) + value for value in values)
    return _message(BIND, _NUL + name + _NUL + _int16(0) + _int16(len(values)) + given + _int16(0))


EXECUTE: Final = _message(DESCRIBE, PORTAL + _NUL) + EXECUTE_MSG
BEGIN: Final[bytes] = parse(b"begin") + bind(()) + EXECUTE_MSG
BEGIN_READ_ONLY: Final[bytes] = parse(b"begin read only") + bind(()) + EXECUTE_MSG
COMMIT: Final[bytes] = parse(b"commit") + bind(()) + EXECUTE_MSG
FORGET: Final[bytes] = parse(b"deallocate all") + bind(()) + EXECUTE_MSG
