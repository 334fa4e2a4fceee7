"""What is true of everything done on behalf of one request, event or job: its trace, its cause and who acts.

The context travels beside the call, not through every signature: from the HTTP request's `traceparent` into the outbox,
over RabbitMQ into the subscriber, and with the Celery message into the worker.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final, Self

TRACEPARENT: Final = re.compile(r"^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$")


@dataclass(frozen=True)
class Context:
    """The trace (W3C Trace Context), the chain of events, and the actor."""

    trace_id: str
    span_id: str
    flags: str = "01"
    actor: str = "system"
    """Who acts: an account's id, `/` and an API key's behind it if that is how they are known; or `system`."""
    correlation_id: str | None = None
    """The id that everything caused by one first request or event shares; the trace's id unless one came along."""
    causation_id: str | None = None
    """The id of the event that is being handled."""

    @classmethod
    def start(
        cls,
        traceparent: str | None = None,
        *,
        actor: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
    ) -> Self:
        """Continue the trace of a `traceparent` header, or begin one when it is missing or malformed.

        What came along with an event or a job goes on: who acts (`system` by default), and the chain it belongs to.
        """
        match = TRACEPARENT.match(traceparent or "")
        return cls(
            trace_id=match[1] if match else os.urandom(16).hex(),
            span_id=os.urandom(8).hex(),
            flags=match[3] if match else "01",
            actor=actor or "system",
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    @property
    def traceparent(self) -> str:
        """The header that hands this trace on."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @property
    def correlation(self) -> str:
        """The correlation id, or the trace's id where none came along."""
        return self.correlation_id or self.trace_id


_current: ContextVar[Context | None] = ContextVar("context", default=None)


def current() -> Context:
    """Return the context of the call in progress; outside of one, a new context for everything that follows."""
    context = _current.get()
    if context is None:
        context = Context.start()
        _current.set(context)
    return context


@contextmanager
def entered(context: Context) -> Iterator[Context]:
    """Make `context` the current one inside a `with` block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def act_as(actor: str) -> None:
    """Name the actor of the call in progress, once it is known."""
    _current.set(replace(current(), actor=actor))
