"""Bring every event type of the catalog into `events.event.TYPES`."""

from importlib import import_module
from pathlib import Path

from events.event import TYPES, Event


def load() -> dict[str, type[Event]]:
    """Import every module of the catalog and return its event types by name, sorted."""
    for file in sorted(Path(__file__).parent.glob("*.py")):
        import_module(f"events.catalog.{file.stem}")
    return dict(sorted(TYPES.items()))
