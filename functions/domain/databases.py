"""The two databases as types, so that the type checker sees which one a function may be given."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NewType

from sqlalchemy import Connection

UserDb = NewType("UserDb", Connection)
"""A transaction on user_psql: accounts, sessions, keys; nothing else."""

Begin = Callable[[], AbstractContextManager[UserDb]]
"""Opens a transaction on user_psql that commits at the end of the `with` block."""

SharedDb = NewType("SharedDb", Connection)
"""A transaction on shared_psql: agents, versions, instances, the audit trail."""
