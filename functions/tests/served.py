"""The host as a process of its own, without what carries events and jobs."""

from collections.abc import Iterator
from contextlib import contextmanager

from provisioning import seed
from testing.environment import Environment
from testing.stack import Stack
from tools.local import orphans


@contextmanager
def host(env: Environment) -> Iterator[Stack]:
    """Serve every function on the world's ports, with only the sample agents in the catalog."""
    env.renew()
    seed.catalog()
    stack = Stack(env)
    try:
        stack.start("host")
        stack.wait("host")
        yield stack
    finally:
        for process in stack.processes.values():
            process.stop()
        orphans.end(stack.folder)
