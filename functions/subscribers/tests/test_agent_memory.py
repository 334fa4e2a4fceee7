"""What agents remember, as they ask for it through their hosts."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from core.ids import new_id
from functions.domain.databases import SharedDb
from functions.domain.instances import memory, memory_tokens, quotas
from functions.domain.runs import accepting, reading
from functions.domain.runs.accepting import Asked
from functions.domain.runs.reading import Of
from provisioning.local_settings import ROOT
from shared_psql_models.runs import Run
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.responses import Response
from tools.local import health
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess
from tools.local.wait import until

Launch = Callable[..., Launched]

FUNCTION: Final = "/function/agent-memory/v1/memory"

COUNTS: Final = """
import json
import urllib.error
import urllib.request


def ask(memory, method="GET", value=None):
    body = None if value is None else json.dumps(value).encode()
    headers = {"Authorization": f"Bearer {memory['token']}", "Content-Type": "application/json"}
    request = urllib.request.Request(memory["url"] + "/visits", body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return json.loads(response.read() or "null")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return 0
        raise


def agent(request):
    memory = request.get_json()["memory"]
    visits = ask(memory) + 1
    ask(memory, "PUT", visits)
    return {"text": f"visit {visits}"}
"""


def token_of(instance: Launched, seconds: float = 10) -> str:
    return memory_tokens.make(instance.id, new_id("run"), seconds)


def ask(instance: Launched, method: str, key: str = "colour", token: str | None = None, **body: Any) -> Response:
    return instance.api.subscribers.request(method, f"{FUNCTION}/{key}", token=token or token_of(instance), **body)


def test_an_agent_writes_reads_and_forgets_values_and_its_owner_sees_them(launch: Launch) -> None:
    instance = launch()
    assert ask(instance, "GET").code == "memory_entry_not_found"
    assert ask(instance, "PUT", data=b"null", headers={"Content-Type": "application/json"}).status_code == 204
    assert (ask(instance, "GET").status_code, ask(instance, "GET").text) == (200, "null")
    assert ask(instance, "PUT", json={"is": ["blue", 1.5]}).status_code == 204
    assert ask(instance, "GET").json == {"is": ["blue", 1.5]}
    path = f"{instance.path}/memory/colour"
    assert instance.api.user.get(path, token=instance.owner.token).json["row_version"] == 2
    assert [ask(instance, "DELETE").status_code for _ in range(2)] == [204, 204]
    assert ask(instance, "GET").status_code == 404


def test_a_token_opens_the_memory_of_its_instance_alone_and_only_for_a_while(api: Api, launch: Launch) -> None:
    mine, other = launch(), launch()
    ask(mine, "PUT", json="blue")
    assert ask(mine, "GET", token=token_of(other)).status_code == 404
    for token in (mine.owner.token, token_of(mine, seconds=-100), "x"):
        assert ask(mine, "GET", token=token).status_code == 401
    assert api.subscribers.get(f"{FUNCTION}/colour").code == "unauthenticated"
    for path in ("/function/agent-memory", "/function/agent-memory/", f"{FUNCTION}/a/b", f"{FUNCTION}/..."):
        assert api.subscribers.get(path, token=token_of(mine)).status_code == 404
    assert ask(mine, "POST", json=1).status_code == 405


def test_what_cannot_be_kept_is_refused(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = launch()
    assert ask(instance, "PUT", json="x" * (memory.VALUE_BYTES - 2)).status_code == 204
    assert ask(instance, "PUT", json="x" * memory.VALUE_BYTES).code == "too_large"
    for body in (b"", b"{", b'"\\ud800"', b"NaN", b'"\\u0000"'):
        assert ask(instance, "PUT", data=body, headers={"Content-Type": "application/json"}).status_code in {400, 422}
    monkeypatch.setenv(quotas.MEMORY_SETTING, "10")
    assert ask(instance, "PUT", "another", json=1).code == "quota_exceeded"


@pytest.fixture
def memory_function(env: Environment) -> Iterator[None]:
    """Run the function that hosts pass on to what agents ask."""
    port = env.ports.subscribers
    command = [sys.executable, "-m", "functions.runtime.host", "agent_memory"]
    command += ["--bind", f"127.0.0.1:{port}=subscribers"]
    process = managed_process.start(
        f"memory-{env.worker}", command, run=env.session, cwd=ROOT, environment=dict(os.environ)
    )
    try:
        process.wait_until(lambda: health.answers(port, "/_/health"))
        yield
    finally:
        process.stop()


def say(instance: Launched, text: str) -> str | None:
    """Have the instance asked in a run, and return its reply."""

    def found(run: Run) -> Run:
        with instance.env.transaction("shared_psql", "user") as db:
            return reading.find(SharedDb(db), run.id, Of())

    with instance.env.transaction("shared_psql", "user") as db:
        run = accepting.accept(SharedDb(db), instance.id, instance.owner.id, Asked(text)).run
    until(lambda: found(run).ended, seconds=60)
    return found(run).reply


@pytest.mark.usefixtures("memory_function")
def test_an_agent_remembers_from_one_message_to_the_next(launch: Launch, runner: Callable[..., ManagedProcess]) -> None:
    runner()
    instance = launch(COUNTS)
    instance.put(status="'running'", observed_generation="generation", deadline_at="null")
    assert [say(instance, "hello"), say(instance, "again")] == ["visit 1", "visit 2"]
    assert json.loads(ask(instance, "GET", "visits").text) == 2
