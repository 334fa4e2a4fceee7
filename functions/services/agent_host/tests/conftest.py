"""Hosts of a test's own, and instances that are asked by calls to them alone."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest
import urllib3

from core import http_client
from core.configuration import setting
from core.ids import new_id
from functions.domain.api_errors import ApiError
from functions.domain.catalog import bundle_store, bundles
from functions.domain.instances import contexts
from functions.domain.instances.contexts import Context, Kind, Message
from functions.runtime import agent_host_client, metrics
from functions.services.agent_host.tests.contexts import a_context
from testing.environment import Environment
from testing.instances import running_host
from tools.documents import Document
from tools.harness.scrape import Watch
from tools.local.servers.managed_process import ManagedProcess

AGENT: Final = """
import time

def agent(request):
    text = request.get_json()["text"]
    time.sleep(float(text) if text.replace(".", "").isdigit() else 0)
    return {"text": text}
"""
"""Answers what it was asked, after as many seconds as that says if it is a number."""


@dataclass
class Host:
    """A host of a test's own."""

    process: ManagedProcess
    folder: Path
    watch: Watch

    def metrics(self) -> list[str]:
        """Return the lines of what Prometheus is shown."""
        status, text = self.watch.get(metrics.PATH)
        assert status == 200, text
        return text.splitlines()

    def metric(self, name: str) -> float:
        """Return the value of a metric."""
        [value] = [line.split()[1] for line in self.metrics() if line.startswith(f"{name} ")]
        return float(value)

    def family(self) -> list[psutil.Process]:
        """Return every process that it has started, and what those have."""
        return psutil.Process(self.process.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def digest(env: Environment, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("agent")
    (folder / "main.py").write_text(AGENT)
    assert env.worker
    return bundle_store.keep(bundles.bundle(folder))


@pytest.fixture
def start(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Host]]:
    """`start(AGENT_HOST_AWAKE=…)` starts a host with these settings, to which this test's calls go."""
    watch = Watch.on_a_free_port()
    monkeypatch.setenv(agent_host_client.SETTING, f"http://127.0.0.1:{watch.port}")
    with ExitStack() as hosts:

        def start(**settings: str) -> Host:
            process = hosts.enter_context(running_host(env, watch.port, **settings))
            return Host(process, env.session / process.name, watch)

        yield start


@dataclass
class Instance:
    """An instance, asked by calls to the host alone."""

    digest: str
    owner: str
    id: str

    def context(self, text: str = "", **facts: object) -> Context:
        usual: dict[str, object] = {"message": Message(id="msg_1", text=text), "seconds": 60}
        return a_context(instance_id=self.id, owner_id=self.owner, digest=self.digest, **(usual | facts))

    @contextmanager
    def asked(self, context: Context) -> Iterator[Iterator[Document]]:
        """Yield the lines of the host's answer as they come, but for those that say nothing; leave after the block."""
        sealed = contexts.seal(Kind.CALL, context, contexts.keys()[0])
        url = f"{setting(agent_host_client.SETTING)}/call/{self.id}"
        with http_client.exchange("POST", url, seconds=120, body=sealed) as response:
            yield (line for line in map(json.loads, _lines(response)) if "working" not in line)

    def answered(self, text: str, **facts: object) -> list[Document]:
        """Return the lines of the host's answer to a message."""
        with self.asked(self.context(text, **facts)) as lines:
            return list(lines)

    def say(self, text: str) -> str:
        """Return the answer, or the code of what it is refused with."""
        try:
            return agent_host_client.say(self.context(text))
        except ApiError as error:
            return error.code

    @property
    def awake(self) -> int | None:
        return agent_host_client.awake(self.id)

    def end(self) -> None:
        end(self)


def end(*instances: Instance) -> None:
    """End the agents of instances, all at once: each takes what it is granted while it is at work."""
    agent_host_client.end({each.id: 1 for each in instances}, 5, lambda: None)


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    while line := response.readline(contexts.LINE_BYTES):
        yield line


@pytest.fixture
def instance(digest: str) -> Callable[..., Instance]:
    """`instance(owner)` is a new instance of an owner, or of somebody new."""
    return lambda owner="": Instance(digest, owner or new_id("usr"), new_id("ins"))
