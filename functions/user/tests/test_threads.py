"""The processor can be taken away as soon as an answer is out: whatever is to happen for it has happened by then."""

import threading
from collections.abc import Callable

from testing.clients import Api
from testing.launches import Launched
from testing.people import Person


def test_no_thread_outlives_a_response(
    api: Api, person: Callable[..., Person], launch: Callable[..., Launched]
) -> None:
    before = set(threading.enumerate())
    somebody = person(scopes=("user", "admin", "broker"))
    instance = launch()
    instance.say("Hello")
    instance.history()
    for path in ("/v1/agents", "/v1/agents/echo", "/v1/me", "/v1/instances"):
        api.user.get(path, token=somebody.token)
    api.admin.get("/v1/admin/audit", token=somebody.token)
    api.broker.get("/v1/event-path", token=somebody.token)
    api.user.post("/v1/auth/logout", token=somebody.token)

    assert set(threading.enumerate()) - before == set()
