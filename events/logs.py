"""Structured logs: one JSON object a line on standard error, with the trace of the call that wrote it."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from events import context

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record, and whatever `extra` it was given, as one line of JSON."""

    def __init__(self, part: str) -> None:
        """`part` names the process: `host`, `relay`, `dispatcher`, `worker` or a function."""
        super().__init__()
        self.part = part

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": self.part,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": context.current().trace_id,
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure(part: str, level: str = "INFO") -> None:
    """Send all logging of this process through one JSON handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(part))
    logging.basicConfig(level=level, handlers=[handler], force=True)
