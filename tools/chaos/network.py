"""A network of our own between a relay and its services: a namespace, a pair of veth, and proxies at its edge."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from tools.harness.proxy import Proxy
from tools.local.servers.binaries import find

NAME: Final = f"botberi-{os.getpid()}"
HOST: Final = f"10.231.{os.getpid() % 250}.1"
GUEST: Final = f"10.231.{os.getpid() % 250}.2"


def inside(*command: str) -> tuple[str, ...]:
    """Return a command that runs another in the namespace."""
    return (str(find("ip")), "netns", "exec", NAME, *command)


class Network:
    """The namespace's rules, and the settings of a process inside."""

    def __init__(self, proxies: list[Proxy]) -> None:
        """Use `made`."""
        self.proxies = proxies

    def settings(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return how a process inside reaches the services that `environment` names."""
        names = ("SHARED_PSQL_URL", "EVENT_BUS_URL")
        return {name: environment[name].replace("127.0.0.1", HOST) for name in names}

    @contextmanager
    def rule(self, chain: str, *match: str) -> Iterator[None]:
        """Drop packets that match, `INPUT` or `OUTPUT` of the namespace, inside a `with` block."""
        rule = ("-i" if chain == "INPUT" else "-o", "veth1", *match, "-j", "DROP")
        iptables = str(find("iptables"))
        _run(*inside(iptables, "-A", chain, *rule))
        try:
            yield
        finally:
            _run(*inside(iptables, "-D", chain, *rule))

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Delay everything inside a `with` block."""
        for proxy in self.proxies:
            proxy.delay = seconds
        try:
            yield
        finally:
            for proxy in self.proxies:
                proxy.delay = 0.0


@contextmanager
def made(*ports: int) -> Iterator[Network]:
    """Make the network for services on these ports; raise OSError where the machine doesn't allow it."""
    outer, ip = f"bbv{os.getpid() % 100_000}", str(find("ip"))
    try:
        _run(ip, "netns", "add", NAME)
        _run(ip, "link", "add", outer, "type", "veth", "peer", "name", "veth1", "netns", NAME)
        _run(ip, "addr", "add", f"{HOST}/30", "dev", outer)
        _run(ip, "link", "set", outer, "up")
        _run(*inside(ip, "addr", "add", f"{GUEST}/30", "dev", "veth1"))
        _run(*inside(ip, "link", "set", "veth1", "up"))
        # pika wakes itself over the loopback interface.
        _run(*inside(ip, "link", "set", "lo", "up"))
        with ExitStack() as stack:
            proxies = [Proxy(port, HOST, port) for port in ports]
            for proxy in proxies:
                stack.callback(proxy.close)
            yield Network(proxies)
    finally:
        for command in ((ip, "link", "del", outer), (ip, "netns", "del", NAME)):
            with suppress(OSError):
                _run(*command)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.stderr.strip()}"
        raise OSError(message)
