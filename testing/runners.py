"""Runners for tests."""

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from provisioning.local_settings import ROOT
from testing.environment import Environment
from tools.local import health
from tools.local.ports import free_ports
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess


@contextmanager
def running_runner(env: Environment, name: str, **settings: str) -> Iterator[ManagedProcess]:
    """Run a runner inside of the block, with short times."""
    [port] = free_ports(1)
    short = {"RUN_LEASE_SECONDS": "2", "RUNNER_GRACE_SECONDS": "5", "MONITORING_LISTEN": f"127.0.0.1:{port}"}
    command = [sys.executable, "-m", "functions.services.runner"]
    process = managed_process.start(name, command, run=env.session, cwd=ROOT, environment={**short, **settings})
    try:
        process.wait_until(lambda: health.answers(port, "/_/ready"))
        yield process
    finally:
        process.stop()


@pytest.fixture
def runner(env: Environment, agent_host: str) -> Iterator[Callable[..., ManagedProcess]]:
    """`runner(RUNS_OF_OWNER=…)` starts a runner with these settings for the test."""
    with ExitStack() as running:

        def start(**settings: str) -> ManagedProcess:
            name = f"runner-{env.worker}-{uuid.uuid4().hex[:8]}"
            return running.enter_context(running_runner(env, name, **{"AGENT_HOST_URL": agent_host, **settings}))

        yield start
