"""Subscriptions: the generated file of queues and event types that topology and dispatcher work from."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from core.configuration import setting

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
    """The longest that one call may take, waiting for a container included."""
    concurrency: int = 4
    """Subjects that are worked on at a time."""
    attempts: int = 16
    """Calls before the event is a dead letter: with the back-off below, about five minutes."""
    backoff_seconds: float = 0.25
    """The first pause between two attempts; every further one is twice as long, give or take a half."""
    max_backoff_seconds: float = 30
    batch: int = 1
    """Events that one call may bring."""
    linger_seconds: float = 0.02
    """How long an event may wait for others that the same call may bring."""
    schedule: str = ""
    """When the dispatcher emits the one event that it receives, as a cron expression; empty if others emit its events.
    """
    timezone: str = "UTC"
    """The schedule's, by its IANA name."""


def queues_for(event_type: str) -> list[str]:
    """Return the queues that the exchange brings an event type to, sorted; the file is read once for each."""
    return list(_queues_for(Path(setting("SUBSCRIPTIONS", DEFAULT_FILE)), event_type))


@cache
def _queues_for(file: Path, event_type: str) -> tuple[str, ...]:
    found = (each.queue for each in read(file) if any(_fits(pattern, event_type) for pattern in each.types))
    return tuple(sorted(found))


def _fits(pattern: str, key: str) -> bool:
    """Return whether a topic exchange takes a routing key for one of the pattern: `*` is a word, `#` any number."""
    words = "".join(
        r"(\.[^.]+)*" if word == "#" else rf"\.{'[^.]+' if word == '*' else re.escape(word)}"
        for word in pattern.split(".")
    )
    return re.fullmatch(words, f".{key}") is not None


def read(file: Path | None = None) -> list[Subscription]:
    """Read the subscriptions from `file`, or from where the setting SUBSCRIPTIONS says."""
    text = (file or Path(setting("SUBSCRIPTIONS", DEFAULT_FILE))).read_text(encoding="utf-8")
    return [Subscription(**entry | {"types": tuple(entry["types"])}) for entry in json.loads(text)]
