"""The host as a process of its own, without what carries events and jobs."""

from collections.abc import Iterator
from contextlib import contextmanager

from provisioning import seed
from testing.stack import Stack
from testing.world import World
from tools.local import leftovers


@contextmanager
def host(world: World) -> Iterator[Stack]:
    """Serve every function on the world's ports, with only the sample agents in the catalog."""
    world.renew()
    seed.catalog()
    stack = Stack(world)
    try:
        stack.start("host")
        stack.wait("host")
        yield stack
    finally:
        for process in stack.processes.values():
            process.stop()
        leftovers.end(stack.folder)
