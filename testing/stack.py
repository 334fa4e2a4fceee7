"""The whole product as processes in a worker's environment, for tests from end to end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pika

from events import subscriptions
from events.broker import bus
from events.topology import declaration
from functions.domain.mail import transport
from functions.runtime import functions
from provisioning import local_settings, seed
from provisioning.local_settings import MARK
from testing import clients
from testing.clients import Api
from testing.environment import Environment
from testing.watcher import Watcher
from tools.local import health, orphans, processes
from tools.local.mail_catcher import Catcher, catching
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess

_FAR_LIMITS: Final = {
    **dict.fromkeys(("EDGE_RATE", "EDGE_ADMIN_RATE", "EDGE_GUESS_RATE"), "1000r/s"),
    **dict.fromkeys(("EDGE_BURST", "EDGE_ADMIN_BURST", "EDGE_GUESS_BURST"), "1000"),
}
"""How often one address may ask an edge of tests: how quick a machine is shall not decide what it is answered."""


class Stack(Api):
    """Clients of the running APIs, and a hand on the processes behind them."""

    has_runner = True

    def __init__(self, env: Environment) -> None:
        """Use `running`."""
        ports = env.ports
        apis = {"user": ports.user, "admin": ports.admin, "broker": ports.broker, "subscribers": ports.subscribers}
        addresses = {api: f"http://127.0.0.1:{port}" for api, port in apis.items()}
        super().__init__(clients.over_http(addresses), functions.declarations())
        self.env = env
        self.folder = env.session / f"stack-{env.worker}"
        self.environment = {**env.environment(), MARK: str(self.folder)}
        self.environment["AGENT_HOST_FOLDER"] = str(self.folder / "agents")
        # No edge runs in front of it.
        self.environment["API_URL"] = addresses["broker"]
        self.environment[transport.URL] = f"smtp://{local_settings.LOOPBACK}:{env.ports.smtp}"
        self.processes: dict[str, ManagedProcess] = {}
        self.watcher: Watcher
        self.mails: Catcher
        """Has what was sent to people."""

    def start(self, name: str, **environment: str) -> ManagedProcess:
        """Start `host`, `relay-user`, `relay-shared`, `dispatcher` or `worker`, with more in its environment."""
        process = managed_process.start(
            name,
            processes.functions(self.env.ports)[name],
            run=self.folder,
            cwd=local_settings.ROOT,
            environment={**self.environment, **environment},
        )
        self.processes[name] = process
        return process

    def wait(self, name: str) -> None:
        """Wait until a process that was started does its work."""
        self.processes[name].wait_until(health.functions(self.env.ports)[name])

    def restart(self, name: str, **environment: str) -> None:
        """Stop a process, start it anew, and wait until it does its work."""
        self.processes[name].stop()
        self.start(name, **environment)
        self.wait(name)

    def kill(self, name: str) -> None:
        """Kill a process as a crash would, with no time to say goodbye."""
        self.processes[name].process.kill()
        self.processes[name].process.wait()

    @contextmanager
    def edge(self, **environment: str) -> Iterator[str]:
        """Run nginx in front of it inside the block, with more in its environment; yield its address.

        Its limits for one address are far away, unless it is told others: all that tests do comes from one.
        """
        command = processes.watchers(self.folder, self.env.ports)["edge"]
        told = {**self.environment, **_FAR_LIMITS, **environment}
        nginx = managed_process.start("edge", command, run=self.folder, cwd=self.folder, environment=told)
        try:
            nginx.wait_until(health.watchers(self.env.ports)["edge"])
            self.processes["edge"] = nginx
            yield f"http://127.0.0.1:{self.env.ports.edge}"
        finally:
            nginx.stop()

    def log(self, name: str) -> str:
        """Return what a process has logged so far."""
        return self.processes[name].log.read_text()


@contextmanager
def running(env: Environment) -> Iterator[Stack]:
    """Start everything in an environment made anew, with the sample agents in the catalog; leave nothing of it running.

    At the end every message that RabbitMQ has seen meanwhile must have been as the catalog promises.
    """
    env.renew()
    seed.catalog()
    stack = Stack(env)
    with catching(env.ports.smtp, env.ports.mail) as caught:
        stack.mails = caught.catcher
        pages = threading.Thread(target=caught.pages.serve_forever)
        pages.start()
        try:
            yield from _seen_through(stack)
        finally:
            caught.pages.shutdown()
            pages.join()


def _seen_through(stack: Stack) -> Iterator[Stack]:
    try:
        with pika.BlockingConnection(bus.parameters("admin")) as connection:
            declaration.declare(connection, subscriptions.read())
        stack.watcher = Watcher()
        for name in processes.functions(stack.env.ports):
            stack.start(name)
        for name in stack.processes:
            stack.wait(name)
        yield stack
        stack.watcher.verify()
    finally:
        managed_process.stop_all(stack.processes.values())
        orphans.end(stack.folder)
