"""Fixtures for tests of instances: where they run, instances of agents that a test writes, and workers."""

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioning.local_settings import ROOT
from testing import launches
from testing.clients import Api
from testing.environment import Environment
from testing.launches import ECHO, Launched
from testing.people import Person
from tools.local import health
from tools.local.ports import free_ports
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess


@contextmanager
def running_host(env: Environment, port: int, **settings: str) -> Iterator[ManagedProcess]:
    """Run an agent host on a port inside of the block, in the folder of its name, as the one before it on that port."""
    name = f"agent-host-{env.worker}-{port}"
    command = [sys.executable, "-m", "functions.services.agent_host", "--bind", f"127.0.0.1:{port}"]
    environment = {"AGENT_HOST_FOLDER": str(env.session / name), **settings}
    process = managed_process.start(name, command, run=env.session, cwd=ROOT, environment=environment)
    try:
        process.wait_until(lambda: health.answers(port, "/_/ready"))
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def host_address(env: Environment) -> Iterator[str]:
    """Run an agent host for the tests of this worker; yield its address."""
    [port] = free_ports(1)
    with running_host(env, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def agent_host(host_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have this test's calls go to an agent host; its address."""
    monkeypatch.setenv("AGENT_HOST_URL", host_address)
    return host_address


@pytest.fixture
def own_secrets(env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this process read the test's own copy of the secrets; the folder."""
    folder = tmp_path / "secrets"
    shutil.copytree(env.secrets, folder)
    monkeypatch.setenv("BOTBERI_SECRETS", str(folder))
    return folder


ReplaceSecret = Callable[[str, str | None], None]


@pytest.fixture
def replace_secret(own_secrets: Path) -> ReplaceSecret:
    """`replace_secret(name, text)` has a secret read as another text in this process and test; None: it is missing."""

    def replace(name: str, text: str | None) -> None:
        (own_secrets / name).unlink() if text is None else (own_secrets / name).write_text(text)

    return replace


@pytest.fixture
def publish(env: Environment, tmp_path: Path) -> Callable[..., str]:
    """`publish(source, schema=…)` puts an agent with this main.py into the catalog and returns its slug."""

    def publish(source: str = ECHO, schema: Mapping[str, object] | None = None, image: str | None = None) -> str:
        return launches.publish(env, tmp_path, source, schema=schema, image=image)

    return publish


@pytest.fixture
def launch(
    api: Api,
    env: Environment,
    person: Callable[..., Person],
    publish: Callable[..., str],
    agent_host: str,
) -> Callable[..., Launched]:
    """`launch(source, config)` creates an instance of an agent with this main.py, for somebody new."""

    def launch(source: str = ECHO, config: Mapping[str, object] | None = None, **facts: object) -> Launched:
        return launches.launch(api, env, person(), publish(source, **facts), config)

    return launch


@pytest.fixture
def worker(
    env: Environment,
    agent_host: str,
) -> Iterator[Callable[..., ManagedProcess]]:
    """`worker(BOTBERI_FAILPOINT=…)` starts a Celery worker with short times and these settings."""
    started: list[ManagedProcess] = []

    def start(**settings: str) -> ManagedProcess:
        name = f"worker-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-m", "celery", "-A", "functions.jobs.app", "worker", "--pool", "threads"]
        options = ["--concurrency", "4", "-n", f"{name}@test", "--without-gossip", "--without-mingle"]
        short = {"INSTANCE_LEASE_SECONDS": "2", "INSTANCE_SWEEP_SECONDS": "1"}
        environment = {**os.environ, "USER_REDIS_USER": "worker", **short, **settings}
        started.append(
            managed_process.start(name, [*command, *options], run=env.session, cwd=ROOT, environment=environment)
        )
        return started[-1]

    yield start
    for process in started:
        process.stop()
