"""Where a database is: `host:port/database`, or with `?tls=verify`, in `USER_PSQL_URL` or `SHARED_PSQL_URL`."""

from dataclasses import dataclass

from core.configuration import MissingSettingError, setting

_VERIFIED = "?tls=verify"


@dataclass(frozen=True)
class Place:
    """The address of a database, and whether its server has to prove that it is there."""

    host: str
    port: int
    name: str
    """The database's name on its server."""
    verified: bool
    """Whether to connect by TLS alone, and to a server alone that has a certificate for `host`."""

    @classmethod
    def of(cls, database: str) -> "Place":
        """Return where `user_psql` or `shared_psql` is. Raises MissingSettingError, also for what can't be read."""
        variable = f"{database.upper()}_URL"
        given = setting(variable)
        verified = given.endswith(_VERIFIED)
        address, _, name = given.removesuffix(_VERIFIED).partition("/")
        host, _, port = address.partition(":")
        if not port.isdecimal() or not name or "?" in name:
            message = f"{variable} must be host:port/database, with {_VERIFIED} behind it or nothing"
            raise MissingSettingError(message)
        return cls(host, int(port), name, verified)
