"""Pulls of images that outlast the call which began them."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread

from functions.drivers.base import CannotDeployError, DriverUnavailable


class Pulls:
    """Pulls under way in this process, each on a thread of its own: the engine gives up one that nobody waits for."""

    def __init__(self, pull: Callable[[str], None]) -> None:
        """`pull` returns when the image is there, and raises what went wrong."""
        self._pull = pull
        self._lock = Lock()
        self._under_way: dict[str, Future[None]] = {}

    def finish(self, image: str, seconds: float) -> None:
        """Return when the image is there. Raises TimeoutError if it isn't yet, or what went wrong, once."""
        with self._lock:
            future = self._under_way.get(image)
            if future is None:
                future = self._under_way[image] = Future()
                # No thread of an executor: the end of the process would wait for those.
                Thread(target=self._run, args=(image, future), name=f"pull {image}", daemon=True).start()
        try:
            future.result(seconds)
        finally:
            if future.done():
                with self._lock:
                    self._under_way.pop(image, None)

    def _run(self, image: str, future: Future[None]) -> None:
        try:
            self._pull(image)
            future.set_result(None)
        except (OSError, CannotDeployError) as error:
            future.set_exception(error)
        finally:
            # Whoever waits must learn of a bug too, whose trace the thread prints.
            if not future.done():
                future.set_exception(DriverUnavailable(f"the pull of {image} went wrong"))
