"""What a process makes once for all of its threads: pools, clients, and whatever else must not be there twice."""

import threading
from collections.abc import Callable
from functools import cache, update_wrapper
from typing import Generic, ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Made = TypeVar("Made")


class Once(Generic[Asked, Made]):
    """A function that is called once for each of its arguments."""

    __wrapped__: Callable[Asked, Made]

    def __init__(self, make: Callable[Asked, Made]) -> None:
        """Use `once`."""
        kept = cache(make)
        self._made: Callable[Asked, Made] = kept
        self._forget = kept.cache_clear
        self._making = threading.RLock()
        update_wrapper(self, make)

    def __call__(self, *arguments: Asked.args, **named: Asked.kwargs) -> Made:
        """Return what the function returned for these arguments, calling it if nobody has yet."""
        with self._making:
            return self._made(*arguments, **named)

    def cache_clear(self) -> None:
        """Forget everything: it is made anew when it is next asked for."""
        with self._making:
            self._forget()


def once(make: Callable[Asked, Made]) -> Once[Asked, Made]:
    """Have what a function returns kept, for each of its arguments.

    Unlike functools' cache it has threads that come at the same time wait for one of them, and so all get the same: of
    two pools of connections that were made for one nobody would close the other.
    """
    return Once(make)
