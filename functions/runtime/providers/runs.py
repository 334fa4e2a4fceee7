"""Transactions for who follows a run, and what tells of news of it."""

from typing_extensions import override

from functions.runtime import redis_users
from functions.runtime.databases import shared_transaction
from functions.runtime.declarations import Declaration
from functions.runtime.providers.base import Call
from functions.runtime.providers.databases import SharedTransactions, Transactions
from functions.runtime.run_following import USER


class RunTransactions(SharedTransactions):
    """Opens transactions on shared_psql for who follows a run, of which Redis tells what is written."""


class Following(Transactions):
    """Fills a parameter that is a `RunTransactions`."""

    types = (RunTransactions,)
    group = "function-cache"
    settings = ("USER_REDIS_URL",)

    @override
    def value(self, call: Call) -> RunTransactions:
        """Return what opens transactions with the rights of the function's API; read-only ones for GET."""
        declaration = call.declaration
        reads = declaration.method == "GET"
        opener = RunTransactions(shared_transaction, declaration.api, read_only=reads)
        opener.audit = call.audit
        return opener

    @override
    def secrets(self, declaration: Declaration) -> tuple[str, ...]:
        """Return the name of the secret with the password of the Redis user that may listen."""
        return (redis_users.secret_name(USER),)
