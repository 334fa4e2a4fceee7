"""Who hears what: the generated file that topology and dispatcher work from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from events.configuration import setting

DEFAULT_FILE: Final = "deploy/subscriptions.json"


@dataclass(frozen=True)
class Subscription:
    """One subscriber: a function, its queue, and how the dispatcher treats it."""

    function: str
    """In kebab case, as deployed: `converge-instance`."""
    queue: str
    types: tuple[str, ...]
    """Event types, or patterns of the topic exchange; `#` is all."""
    timeout_seconds: float = 10
    """The longest that one call may take."""
    concurrency: int = 4
    """Subjects that are worked on at a time; 0 where another brings the events, and only dead letters are taken."""
    attempts: int = 16
    """Calls before the event is a dead letter: with the back-off below, about five minutes."""
    backoff_seconds: float = 0.25
    """The first pause between two attempts; every further one is twice as long, give or take a half."""
    max_backoff_seconds: float = 30
    schedule: str = ""
    """When the dispatcher emits the one event that it hears, as a cron expression; empty if others emit its events."""
    timezone: str = "UTC"
    """The schedule's, by its IANA name."""


def read(file: Path | None = None) -> list[Subscription]:
    """Read the subscriptions from `file`, or from where the setting SUBSCRIPTIONS says."""
    text = (file or Path(setting("SUBSCRIPTIONS", DEFAULT_FILE))).read_text(encoding="utf-8")
    return [Subscription(**entry | {"types": tuple(entry["types"])}) for entry in json.loads(text)]
