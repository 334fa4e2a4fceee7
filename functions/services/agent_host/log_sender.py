"""Handing on what agents write: lines are gathered, and go in batches to the function that keeps them.

While the function is away lines wait, as far as there is room, and what there is no room for is counted and said. A
batch is sent again until it is taken, under the same number, so that none of it is kept twice.
"""

import asyncio
import logging
import secrets
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count, groupby
from typing import Final

from core import http_client
from events import signing
from functions.domain.instances import log_batches
from functions.domain.instances.contexts import Context
from functions.domain.instances.log_batches import TEXT_CHARACTERS, Batch, InstanceLines, Line
from functions.services.agent_host.masking import masked
from functions.services.agent_host.sandbox.log_lines import PLATFORM, LogLine
from shared_psql_models.instance_logs import Level, Stream

log = logging.getLogger(__name__)

GATHER_SECONDS: Final = 0.2
"""How long lines are gathered, unless there are enough for a batch."""

BATCH_BYTES: Final = 64 * 1024

SHARE_BYTES: Final = 16 * 1024
"""What one instance has in a batch, before it is the others' turn."""

WAITING_BYTES: Final = 16 * 1024 * 1024
"""What waits at most, of all instances."""

OVERHEAD: Final = 256
"""Bytes that a line takes in memory beside its text."""

SECONDS: Final = 10
"""How long a call may take."""

PAUSES: Final = (0.2, 5.0)
"""Seconds between two attempts: the first pause, and the longest."""

FLUSH_SECONDS: Final = 3
"""How long the end of a host waits for what is left."""

_REFUSED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
"""What would be answered again, however often the batch were sent."""

_CUT: Final = f" [cut: a line may have {TEXT_CHARACTERS} characters]"


@dataclass(frozen=True)
class _Heard:
    context: Context
    """Whose secrets are masked in it."""
    line: LogLine
    at: datetime
    message_id: str | None = None

    @property
    def size(self) -> int:
        return len(self.line.text) + OVERHEAD


@dataclass
class _Waiting:
    """What waits of one instance."""

    context: Context
    """The latest."""
    heard: deque[_Heard] = field(default_factory=deque)
    size: int = 0
    dropped: int = 0


class LogSender:
    """Sends lines on. Used on the event loop alone."""

    def __init__(self, url: str, *, instances: int) -> None:
        """`url` is that of the function; if it is empty nothing is kept. So many instances have room at a time."""
        self._url = url
        self._source = f"/agent-hosts/{secrets.token_hex(8)}"
        self._keys = signing.Keys(log_batches.KEYS_NAME)
        self._numbers = count(1)
        self._room = WAITING_BYTES // instances
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._size = 0
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._all_sent.set()

    def check(self) -> None:
        """Raise MissingSettingError or NotKeysError without keys; log it if nothing is kept."""
        if self._url:
            self._keys.current()
        else:
            log.warning("what agents write is not kept: %s is not set", log_batches.SETTING)

    def add(self, context: Context, line: LogLine, message_id: str | None) -> None:
        """Take a line that the agent of a context has written, while it answered a message or between messages."""
        if not self._url:
            return
        heard = _Heard(context, line, datetime.now(UTC), message_id)
        waiting = self._waiting.setdefault(context.instance_id, _Waiting(context))
        waiting.context = context
        if waiting.size + heard.size > self._room or self._size + heard.size > WAITING_BYTES:
            waiting.dropped += 1
        else:
            self._tell_dropped(waiting)
            self._put(waiting, heard)
        self._all_sent.clear()
        self._some.set()
        if self._size >= BATCH_BYTES:
            self._enough.set()

    def _put(self, waiting: _Waiting, heard: _Heard) -> None:
        waiting.heard.append(heard)
        waiting.size += heard.size
        self._size += heard.size

    def _tell_dropped(self, waiting: _Waiting) -> None:
        if waiting.dropped:
            words = f"{waiting.dropped} lines were dropped: they couldn't be handed on."
            self._put(waiting, _Heard(waiting.context, LogLine("", PLATFORM, "warning", words), datetime.now(UTC)))
            waiting.dropped = 0

    async def run(self) -> None:
        """Send what comes, for ever."""
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), GATHER_SECONDS)
            gathered = self._gather()
            await self._send(gathered)
            if self._size < BATCH_BYTES:
                self._enough.clear()
            if not self._waiting:
                self._some.clear()
                self._all_sent.set()

    async def flush(self) -> None:
        """Wait until everything is sent, but not for long."""
        try:
            await asyncio.wait_for(self._all_sent.wait(), FLUSH_SECONDS)
        except TimeoutError:
            log.warning("what agents have written last is lost: %s bytes", self._size)

    def _gather(self) -> list[_Heard]:
        """Take the lines of a batch: of each instance some, in turns."""
        gathered: list[_Heard] = []
        size = 0
        while self._waiting and size < BATCH_BYTES:
            instance_id, waiting = next(iter(self._waiting.items()))
            taken = 0
            while (waiting.heard or waiting.dropped) and taken < SHARE_BYTES:
                if not waiting.heard:
                    self._tell_dropped(waiting)
                heard = waiting.heard.popleft()
                waiting.size -= heard.size
                self._size -= heard.size
                taken += heard.size
                gathered.append(heard)
            size += taken
            if waiting.heard or waiting.dropped:
                self._waiting.move_to_end(instance_id)
            else:
                del self._waiting[instance_id]
        return gathered

    async def _send(self, gathered: Sequence[_Heard]) -> None:
        """Send a batch until it is taken, or refused for good."""
        batch = await asyncio.to_thread(_batch, next(self._numbers), gathered)
        pause, longest = PAUSES
        while (status := await asyncio.to_thread(self._post, batch)) != HTTPStatus.OK:
            if status in _REFUSED:
                log.error("%s lines of agents were refused with the status %s", len(gathered), status)
                for each in gathered:
                    # That lines were refused is said once, and not said again if that is refused too.
                    if each.line.stream != PLATFORM:
                        self._waiting.setdefault(each.context.instance_id, _Waiting(each.context)).dropped += 1
                return
            log.warning("what agents write can't be handed on, and waits: %s", status or "no answer")
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    def _post(self, batch: Batch) -> int:
        """Return the status of the answer; 0 without one."""
        try:
            body, headers = log_batches.request(batch, self._source, self._keys.current())
            return http_client.request("POST", self._url, seconds=SECONDS, body=body, headers=headers).status
        except OSError:
            return 0


def _batch(number: int, gathered: Sequence[_Heard]) -> Batch:
    """Return lines as a batch, cut and without secrets."""
    logs: dict[str, list[Line]] = {}
    for _, group in groupby(gathered, key=lambda each: id(each.context)):
        same = list(group)
        texts = masked((each.line.text for each in same), same[0].context)
        lines = logs.setdefault(same[0].context.instance_id, [])
        lines += [_line(each, text) for each, text in zip(same, texts, strict=True)]
    return Batch(number=number, logs=[InstanceLines(instance_id=each, lines=lines) for each, lines in logs.items()])


def _line(heard: _Heard, text: str) -> Line:
    # NUL can be kept in no text of Postgres'.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if heard.line.cut or len(text) > TEXT_CHARACTERS:
        text = text[: TEXT_CHARACTERS - len(_CUT)] + _CUT
    return Line(
        at=heard.at,
        stream=Stream(heard.line.stream),
        level=Level(heard.line.level),
        message_id=heard.message_id,
        text=text,
    )
