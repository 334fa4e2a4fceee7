"""What a loop has to do about the files that it waits for."""

import selectors
from collections.abc import Callable, Iterator


def ready(selector: selectors.BaseSelector, seconds: float | None) -> Iterator[Callable[[], None]]:
    """Wait for what is ready, `seconds` at most, and yield the callback with which each file was registered.

    One that is unregistered meanwhile is left out: what comes before it in a turn may close it, and by then another may
    be registered by its number.
    """
    for key, _ in selector.select(seconds):
        if selector.get_map().get(key.fd) is key:
            yield key.data
