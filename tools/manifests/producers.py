"""Who says which events, and who receives them: from the code itself and from what the subscribers declare."""

import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from events.event import Event
from functions.runtime.declarations import Declaration
from provisioning.local_settings import ROOT

PUBLISHING: Final = Path("functions/broker/publish_event.py")
"""By which other systems say something."""


@cache
def producers(model: type[Event]) -> tuple[Path, ...]:
    """Return the files that make an event of this type, or name it to SQL's emit_event, relative to the repository."""
    if model.scope is not None:
        return (PUBLISHING,)
    producer = getattr(sys.modules[model.__module__], "PRODUCER", None)
    if producer is not None:
        return (Path(producer),)
    module, name = f"from {model.__module__} import", model.__name__
    # Not where an API error of the same name is defined.
    made = re.compile(rf"(?<!class )\b{name}\(|emit_event(?s:.*)\b{name}\.type\b")
    return tuple(file for file, text in _sources().items() if module in text and made.search(text))


def consumers(model: type[Event], declarations: Iterable[Declaration]) -> list[Declaration]:
    """Return the subscribers of this type: those that name it first, then those that receive everything."""
    found = [each for each in declarations if {model.type, "#"} & set(each.event_types)]
    return sorted(found, key=lambda each: ("#" in each.event_types, each.name))


@cache
def _sources() -> dict[Path, str]:
    """Return the code of what runs, by its path."""
    files = [file for folder in ("functions", "events") for file in sorted((ROOT / folder).rglob("*.py"))]
    return {
        file.relative_to(ROOT): file.read_text(encoding="utf-8")
        for file in files
        if "tests" not in file.relative_to(ROOT).parts
    }
