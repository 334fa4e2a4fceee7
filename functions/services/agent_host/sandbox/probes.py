"""Whether the boundary holds: shown by a child that tries what must be refused."""

import http.client
import json
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from .exits import BoundaryNotHeld
from .limits import Egress

AGENT: Final = Path(__file__).with_name("probing")

SECONDS: Final = 60

Connect = Callable[[], socket.socket]


def check(connect: Connect, egress: Egress) -> None:
    """Have the agent in AGENT, which `connect` leads to, try. Raises BoundaryNotHeld if anything wasn't refused."""
    with tempfile.NamedTemporaryFile() as file, socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        through = _through(connect(), {"file": file.name, "pid": os.getpid(), "port": port})
    if egress is Egress.ALL:
        through -= {"connect"}
    if through:
        raise BoundaryNotHeld(f"a child could {', '.join(sorted(through))}")


def _through(connected: socket.socket, target: dict[str, str | int]) -> set[str]:
    connected.settimeout(SECONDS)
    with closing(http.client.HTTPConnection("agent")) as connection:
        connection.sock = connected
        try:
            connection.request("POST", "/", json.dumps(target), {"Content-Type": "application/json"})
            return set(json.loads(connection.getresponse().read())["through"])
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            raise BoundaryNotHeld(f"the child that was to try the boundary didn't answer: {error!r}") from None
