"""The levels of what an agent logs, told with each line as sd-daemon(3) has it: `<4>` in front for a warning."""

import logging
from typing import TextIO

from .forking import STANDARD


def tell() -> None:
    """Have this process' loggers tell the level of each line that they write to stdout or stderr.

    However the author has configured them, and in whatever format.
    """
    original = logging.StreamHandler.format

    def format_(handler: "logging.StreamHandler[TextIO]", record: logging.LogRecord) -> str:
        text = original(handler, record)
        if not _is_standard(handler):
            return text
        prefix = _prefix(record.levelno)
        return "\n".join(prefix + line for line in text.split("\n"))

    logging.StreamHandler.format = format_  # type: ignore[method-assign, assignment]


def _is_standard(handler: "logging.StreamHandler[TextIO]") -> bool:
    try:
        return handler.stream.fileno() in STANDARD
    except (AttributeError, OSError, ValueError):
        return False


def _prefix(level: int) -> str:
    levels = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
    return f"<{next((number for least, number in levels if level >= least), 7)}>"
