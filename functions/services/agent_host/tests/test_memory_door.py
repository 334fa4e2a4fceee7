"""The door to agents' memory: what gets through it, and what doesn't."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from core.ids import new_id
from functions.domain.catalog import bundle_store, bundles
from functions.domain.instances.contexts import Message
from functions.drivers.tests.fake_platform import Asked, FakePlatform, Reply, serving
from functions.services.agent_host.tests.conftest import Host, Instance

AGENT: Final = """
import json
import urllib.error
import urllib.request

kept = {}


def ask(url, token, method="GET", body=None):
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {token}", "X-Else": "1"}, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return [response.status, response.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]


def value(length):
    return json.dumps("x" * (length - 2)).encode() if length else None


def agent(request):
    message = request.get_json()
    memory = kept.setdefault("memory", message.get("memory"))
    if memory is None:
        return {"text": "none"}
    found = [ask(memory["url"] + path, memory["token"], method, value(body))
             for path, method, body in json.loads(message["text"])]
    return {"text": json.dumps(found)}
"""


TOKEN: Final = new_id("act")


class Memory(FakePlatform):
    """Answers with what it was asked."""

    def answer(self, asked: Asked) -> Reply:
        if asked.path.endswith("/gone"):
            return 404, {"code": "memory_entry_not_found"}
        return 200, {"method": asked.method}


@pytest.fixture
def memory() -> Iterator[Memory]:
    with serving(found := Memory()):
        yield found


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("agent")
    (folder / "main.py").write_text(AGENT)
    return bundle_store.keep(bundles.bundle(folder))


def said(instance: Instance, asked: str, token: str | None = TOKEN) -> Any:
    message = Message(id="msg_1", text=asked, memory_token=token)
    event, *_ = instance.answered("", message=message)
    assert "event" in event, event
    return event["event"]["text"]


def test_an_agent_gets_at_its_memory_and_at_nothing_else_behind_it(
    start: Callable[..., Host], digest: str, memory: Memory
) -> None:
    start(AGENT_MEMORY_URL=f"{memory.url}/function/agent-memory", AGENT_EGRESS="none")
    mine = Instance(digest, new_id("usr"), new_id("ins"))
    passed = [["/name", "GET", 0], ["/na.me", "PUT", 65536], ["/name", "DELETE", 0], ["/gone", "GET", 0]]
    refused = [["/name", "POST", 1], ["/..", "GET", 0], ["/a/b", "GET", 0], ["/a?b=c", "GET", 0], ["/%2e%2e", "GET", 0]]
    asked = json.dumps([*passed, *refused, ["/name", "PUT", 65537]])
    answers = [status for status, _ in json.loads(said(mine, asked))]
    assert answers == [200, 200, 200, 404, *[404] * len(refused), 413]
    assert [(each.method, each.path) for each in memory.asked] == [
        (method, f"/function/agent-memory/v1/memory{path}") for path, method, _ in passed
    ]
    assert {each.headers["authorization"] for each in memory.asked} == {f"Bearer {TOKEN}"}
    assert not any("x-else" in each.headers for each in memory.asked)
    # It has kept the token, which is good for nothing once that call is over.
    memory.asked.clear()
    assert "not_authenticated" in said(mine, '[["/name", "GET", 0]]', token="another")
    assert memory.asked == []


@pytest.mark.parametrize(("address", "token"), [("", TOKEN), ("http://127.0.0.1:1", None)], ids=["it", "token"])
def test_without_it_or_a_token_there_is_none(
    start: Callable[..., Host], digest: str, address: str, token: str | None
) -> None:
    start(AGENT_MEMORY_URL=address)
    assert said(Instance(digest, new_id("usr"), new_id("ins")), "[]", token) == "none"


def test_a_memory_that_is_away_is_said_to_be(start: Callable[..., Host], digest: str) -> None:
    start(AGENT_MEMORY_URL="http://127.0.0.1:1")
    mine = Instance(digest, new_id("usr"), new_id("ins"))
    assert "memory_unavailable" in said(mine, '[["/name", "GET", 0]]')
