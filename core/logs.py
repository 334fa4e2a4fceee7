"""Structured logs: one JSON object a line on standard error, with the trace of the call that wrote it."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from core import context

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


REPEAT: Final = 10.0
"""Seconds in which the same warning is logged once, while nothing else changes."""

_OURS: Final = ("core", "shared_psql_models", "events", "functions", "migrations", "provisioning", "cli", "tools")

_WITHOUT_A_NAME: Final = frozenset({"pg8000", "sqlalchemy", *_OURS})
"""Packages whose errors are sentences; those of others need the name of their class."""


def said(error: BaseException) -> str:
    """Return what an error says, for people: of a failed connection the cause, of Postgres' answers the message."""
    causes = (getattr(error, "orig", None), getattr(error, "exception", None), *getattr(error, "exceptions", ())[-1:])
    for cause in (*causes, *error.args):
        if isinstance(cause, BaseException):
            return said(cause)
    match error.args:
        case ({"M": str(message)},):
            return message
    plain = isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _WITHOUT_A_NAME
    return (str(error) if plain else "") or repr(error)


class ForPeople(logging.Filter):
    """Writes errors among the arguments as sentences, and logs the same warning once in REPEAT seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds, by which repeated warnings are recognised."""
        super().__init__()
        self._clock = clock
        self._warned: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace errors among the arguments by their sentences; return whether the record is logged."""
        if isinstance(record.args, tuple):
            record.args = tuple(said(each) if isinstance(each, BaseException) else each for each in record.args)
        if record.levelno != logging.WARNING:
            # Something has changed: what is said from here on is new.
            self._warned.clear()
            return True
        now, message = self._clock(), record.getMessage()
        if now - self._warned.get(message, float("-inf")) < REPEAT:
            return False
        self._warned = {each: then for each, then in self._warned.items() if now - then < REPEAT} | {message: now}
        return True


class JsonFormatter(logging.Formatter):
    """Renders a record, and whatever `extra` it was given, as one line of JSON."""

    def __init__(self, service: str) -> None:
        """`service` names the process: `host`, `relay`, `dispatcher`, `worker` or a function."""
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        now = context.current()
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": now.trace_id,
            # Ours, where the trace's id is whatever the caller chose.
            "span_id": now.span_id,
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure(service: str, level: str = "INFO", *, terse: bool = False) -> None:
    """Send all logging of this process through one JSON handler.

    `terse` is for a process that tries the same again and again: see ForPeople.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    if terse:
        handler.addFilter(ForPeople())
    logging.basicConfig(level=level, handlers=[handler], force=True)
