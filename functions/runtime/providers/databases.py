"""Database sessions: the handler's own transaction, or transactions that it opens itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from sqlalchemy import Connection
from typing_extensions import override

from functions.domain.databases import SharedDb, UserDb
from functions.runtime.databases import DatabaseUnavailable, shared_transaction, user_transaction
from functions.runtime.providers.base import RESOURCE, Call, Parameter, Provider

USER_PSQL: Final = "user_psql"
SHARED_PSQL: Final = "shared_psql"


class UserTransactions:
    """Opens transactions on user_psql, for handlers that must not hold one while they wait for something else."""

    def __init__(
        self,
        begin: Callable[[], AbstractContextManager[UserDb]],
        reading: Callable[[], AbstractContextManager[UserDb]],
    ) -> None:
        """`begin` opens a transaction that commits at the end of its `with` block; `reading` one that only reads."""
        self.begin = begin
        self.reading = reading

    def __call__(self) -> AbstractContextManager[UserDb]:
        """Open a transaction that commits at the end of the `with` block."""
        return self.begin()


class SharedTransactions:
    """Opens transactions on shared_psql, for handlers that must not hold one while they wait for something else."""

    def __init__(
        self,
        begin: Callable[[], AbstractContextManager[SharedDb]],
        reading: Callable[[], AbstractContextManager[SharedDb]],
    ) -> None:
        """`begin` opens a transaction that commits at the end of its `with` block; `reading` one that only reads."""
        self.begin = begin
        self.reading = reading

    def __call__(self) -> AbstractContextManager[SharedDb]:
        """Open a transaction that commits at the end of the `with` block."""
        return self.begin()


class Session(Provider):
    """Fills a parameter that is a `UserDb` or a `SharedDb` with a transaction that ends with the call."""

    types = (UserDb, SharedDb)
    stage = RESOURCE
    in_subscribers = True
    errors = (DatabaseUnavailable,)

    def __init__(self, parameter: Parameter) -> None:
        """Take the database from the parameter's type."""
        super().__init__(parameter)
        self.database = USER_PSQL if parameter.annotation is UserDb else SHARED_PSQL
        self.databases = self.holds = (self.database,)

    @override
    def value(self, call: Call) -> Connection:
        """Return the call's transaction on the database."""
        return call.session(self.database)


class Transactions(Provider):
    """Fills a parameter that is a `UserTransactions` or a `SharedTransactions`."""

    types = (UserTransactions, SharedTransactions)
    stage = RESOURCE
    errors = (DatabaseUnavailable,)

    def __init__(self, parameter: Parameter) -> None:
        """Take the database from the parameter's type."""
        super().__init__(parameter)
        self.databases = (USER_PSQL if parameter.annotation is UserTransactions else SHARED_PSQL,)

    @override
    def value(self, call: Call) -> UserTransactions | SharedTransactions:
        """Return what opens transactions with the rights of the function's API; read-only ones for GET."""
        role, reads = call.declaration.api, call.declaration.method == "GET"
        if self.annotation is UserTransactions:
            begin, reading = (partial(user_transaction, role, read_only=each) for each in (reads, True))
            return UserTransactions(begin, reading)
        opened, read = (partial(shared_transaction, role, read_only=each) for each in (reads, True))
        return SharedTransactions(opened, read)
