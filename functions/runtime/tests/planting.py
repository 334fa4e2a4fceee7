"""Functions that a test plants for itself, served as real ones are."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from werkzeug.test import Client as WerkzeugClient
from werkzeug.test import TestResponse

from functions.runtime.hosting import Host


class Response(TestResponse):
    @property
    def json(self) -> Any:
        return self.get_json()


class Client:
    def __init__(self, host: Host) -> None:
        self.host = host
        self._client = WerkzeugClient(host, Response)

    def open(self, path: str, **request: Any) -> Response:
        answer = self._client.open(path, **request)
        assert isinstance(answer, Response)
        return answer

    def get(self, path: str, **request: object) -> Response:
        return self.open(path, method="GET", **request)

    def post(self, path: str, **request: object) -> Response:
        return self.open(path, method="POST", **request)


Plant = Callable[..., Client]
"""`plant(read_thing="@endpoint(…) …")`, with `"subscribers"` first for another API than `user`."""

IMPORTS: Final = """
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar
from pydantic import Field
from sqlalchemy import text
from events.catalog.accounts import AccountRegistered, SessionRevoked
from events.catalog.schedules import SharedPruningFallenDue
from events.outbox import emit
from events.wire import CloudEvent
from functions.domain.databases import SharedDb, UserDb
from functions.domain.api_errors import *
from functions.runtime.providers.callers import Admin, BrokerReader, CatalogReader, User
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.databases import SharedTransactions, UserTransactions
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.base import *
from functions.runtime.subscriber import subscriber
"""


class Garden:
    """Serves functions from a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def plant(self, api_name: str = "user", **sources: str) -> Client:
        folder = self.folder / api_name
        folder.mkdir(exist_ok=True)
        for name, source in sources.items():
            docstring = f'"""{name}: a planted function."""\n'
            (folder / f"{name}.py").write_text(docstring + IMPORTS + textwrap.dedent(source))
        self.names.extend(sources)
        return Client(Host([folder / f"{name}.py" for name in sources], {}))

    def clear(self) -> None:
        for name in self.names:
            sys.modules.pop(name, None)


class Rests:
    """Rests that take no time."""

    def __init__(self, seconds: list[float] | None = None) -> None:
        """Put into `seconds` how long each would have been."""
        self.seconds = [] if seconds is None else seconds

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def wake(self) -> None:
        """Do nothing: nobody rests."""
