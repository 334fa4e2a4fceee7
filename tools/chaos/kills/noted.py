"""What is noted on the way: what isn't as it must be, and how much was served."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """Something that is not as it must be."""

    invariant: str
    subject: str
    """Whom it is about: an instance, an account, a process."""
    detail: str

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.invariant}: {self.subject}: {self.detail}"


class Noted:
    """What threads note of the run: what went wrong on the way, and how much was served."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.violations: list[Violation] = []
        self.served = 0
        """Requests that change something, or are messages, and were answered."""
        self.unserved = 0
        """Those that were answered 503, or not at all."""
        self.ended = threading.Event()
        """Set when nobody is to ask for anything any more."""
        self._changed = threading.Condition()

    def wrong(self, invariant: str, subject: str, detail: str) -> None:
        """Note what is not as it must be."""
        with self._changed:
            self.violations.append(Violation(invariant, subject, detail))

    def count(self, *, served: bool) -> None:
        """Count a request."""
        with self._changed:
            self.served += served
            self.unserved += not served
            self._changed.notify_all()

    def wait_served(self, count: int, ended: threading.Event) -> None:
        """Wait until so many requests are served, or `ended` is set."""
        with self._changed:
            while self.served < count and not ended.is_set():
                self._changed.wait(0.2)
