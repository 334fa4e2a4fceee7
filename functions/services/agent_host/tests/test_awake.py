"""Agents that are awake, without a host around them."""

import asyncio
import hashlib
import io
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import BinaryIO

from typing_extensions import override

from core.object_store.folder import FolderStore
from functions.domain.catalog.tests.making import a_bundle
from functions.services.agent_host.awake import Awake
from functions.services.agent_host.code_cache.installer import Installer
from functions.services.agent_host.code_place import CodePlace
from functions.services.agent_host.settings import Settings
from functions.services.agent_host.tests.contexts import a_context


class SlowStore(FolderStore):
    """Gives nothing until it may."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked, self.may_answer = Event(), Event()

    @override
    def get(self, key: str, into: BinaryIO, limit: int) -> None:
        self.asked.set()
        self.may_answer.wait()
        super().get(key, into, limit)


def test_who_is_ended_while_its_code_is_put_in_place_is_not_left_awake(tmp_path: Path) -> None:
    store, content = SlowStore(tmp_path / "store"), a_bundle()
    digest = hashlib.sha256(content).hexdigest()
    store.put(f"bundles/{digest}", io.BytesIO(content))
    settings = Settings(
        folder=tmp_path, calls=4, awake=4, idle_seconds=60, egress="none", logs_url="", memory_url="", bounded=True
    )
    context = a_context(digest=digest)

    async def end_early(code: CodePlace) -> None:
        awake = Awake(settings, code)
        await awake.start()

        async def ask() -> None:
            async with awake.borrowed(context, seconds=60):
                pass

        try:
            asking = asyncio.create_task(ask())
            await asyncio.to_thread(store.asked.wait)
            ending = asyncio.create_task(awake.end(context.instance_id))
            # It finds nobody to end yet.
            await asyncio.sleep(0.2)
            store.may_answer.set()
            await asyncio.gather(asking, ending)
            left = [each for each in awake._children._awake.values() if each.key]
            assert (left, len(awake)) == ([], 0)
        finally:
            store.may_answer.set()
            await awake.close()

    with closing(CodePlace(tmp_path / "code", store, Installer("http://127.0.0.1:1/simple"))) as code:
        asyncio.run(end_early(code))
