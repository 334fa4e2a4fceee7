"""`python -m functions.services.agent_host [--bind ADDRESS:PORT]`: runs agents for whoever may call it.

Any number may run, and any of them serves any instance: all that one of them knows can be fetched or told again.
"""

import argparse
import asyncio
import logging
import os
from typing import Final

from core import logs
from functions.domain.catalog import bundle_store
from functions.domain.instances import contexts
from functions.runtime import problems
from functions.runtime.http.protocol import Limits
from functions.runtime.http.server import Server, listening
from functions.services.agent_host.application import Application
from functions.services.agent_host.awake import Awake
from functions.services.agent_host.calls import Calls
from functions.services.agent_host.code_cache.installer import Installer
from functions.services.agent_host.code_place import CodePlace
from functions.services.agent_host.exposition import Exposition
from functions.services.agent_host.log_sender import LogSender
from functions.services.agent_host.memory_door import MemoryDoor
from functions.services.agent_host.settings import Settings
from functions.services.agent_host.turns import Turns

log = logging.getLogger(__name__)

LIMITS: Final = Limits(response=120, grace=25)
"""Who reads an answer may wait for a database meanwhile."""


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="agent_host", description=main.__doc__)
    port = os.environ.get("PORT", "8080")
    parser.add_argument("--bind", default=f"0.0.0.0:{port}", help="ADDRESS:PORT", metavar="ADDRESS:PORT")
    address = parser.parse_args().bind
    logs.configure("agent-host")
    contexts.keys()
    asyncio.run(_run(address, Settings.read()))


async def _run(address: str, settings: Settings) -> None:
    code = CodePlace(settings.folder / "code", bundle_store.store(), Installer.from_settings())
    sender = LogSender(settings.logs_url, instances=settings.awake)
    sender.check()
    memory = MemoryDoor(settings.memory_url) if settings.memory_url else None
    awake = Awake(settings, code, sender.add, doors=(memory.port,) if memory else ())
    await awake.start()
    turns = Turns(host=settings.calls, owner=settings.of_an_owner)
    application = Application(Calls(turns, code, awake, memory), Exposition(awake, turns))
    server = Server(application, problems.of_request, LIMITS)
    tasks = [asyncio.create_task(_tidy(awake, code, settings)), asyncio.create_task(sender.run())]
    if memory:
        tasks.append(asyncio.create_task(memory.serve()))
    try:
        await server.serve([listening(address)])
    finally:
        await awake.close()
        await sender.flush()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        code.close()
    log.info("stopped")


async def _tidy(awake: Awake, code: CodePlace, settings: Settings) -> None:
    while True:
        await asyncio.sleep(min(1.0, settings.idle_seconds / 4))
        try:
            await awake.end_idle()
            await asyncio.to_thread(code.forget, awake.digests)
        except Exception:
            log.exception("what is idle was not ended because of a bug")


if __name__ == "__main__":
    main()
