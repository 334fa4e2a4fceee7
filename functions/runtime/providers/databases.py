"""Database sessions: the handler's own transaction, or transactions that it opens itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from sqlalchemy import Connection
from typing_extensions import TypeForm, override

from functions.domain.databases import SharedDb, UserDb
from functions.runtime.databases import DatabaseUnavailable, shared_transaction, user_transaction
from functions.runtime.providers.base import RESOURCE, Call, Parameter, Provider

if TYPE_CHECKING:
    from functions.runtime.auditing import Audit

USER_PSQL: Final = "user_psql"
SHARED_PSQL: Final = "shared_psql"

Db = TypeVar("Db", bound=Connection)


class _Opener(Generic[Db]):
    """Opens transactions on a database, for handlers that must not hold one while they wait for something else."""

    audit: "Audit"
    """That of the call, in which what is changed is entered."""

    def __init__(self, open_one: Callable[..., AbstractContextManager[Db]], role: str, *, read_only: bool) -> None:
        """`open_one` is given the role, and whether nothing may be changed: if it is `read_only`, in all of them."""
        self._open = open_one
        self._role = role
        self._read_only = read_only

    def __call__(self) -> AbstractContextManager[Db]:
        """Open a transaction that commits at the end of the `with` block."""
        return self._open(self._role, read_only=self._read_only)

    def reading(self) -> AbstractContextManager[Db]:
        """Open a transaction that only reads."""
        return self._open(self._role, read_only=True)


class UserTransactions(_Opener[UserDb]):
    """Opens transactions on user_psql."""


class SharedTransactions(_Opener[SharedDb]):
    """Opens transactions on shared_psql."""


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

    types: ClassVar[tuple[TypeForm[object], ...]] = (UserTransactions, SharedTransactions)
    stage = RESOURCE
    in_subscribers = True
    errors = (DatabaseUnavailable,)

    def __init__(self, parameter: Parameter) -> None:
        """Take the database from the parameter's type."""
        super().__init__(parameter)
        self.databases = (USER_PSQL if parameter.annotation is UserTransactions else SHARED_PSQL,)

    @override
    def value(self, call: Call) -> UserTransactions | SharedTransactions:
        """Return what opens transactions with the rights of the function's API; read-only ones for GET."""
        role, reads = call.declaration.api, call.declaration.method == "GET"
        opener: UserTransactions | SharedTransactions
        if self.annotation is UserTransactions:
            opener = UserTransactions(user_transaction, role, read_only=reads)
        else:
            opener = SharedTransactions(shared_transaction, role, read_only=reads)
        opener.audit = call.audit
        return opener
