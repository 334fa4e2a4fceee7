"""How many events may be in flight: all that the back-pressure allows, but few after RabbitMQ has refused one.

A queue that is full refuses, and takes again as soon as there is room. What was in flight behind a refused event may
have been taken by then: it comes before an older event of its subject, and comes twice to every queue that had room. So
the relay asks with a single event whether there is room, and trusts the answer a little more each time.
"""

from typing import Final

IN_FLIGHT: Final = 1000
"""Events that may be unconfirmed: the back-pressure."""


class Window:
    """The number of events that may be unconfirmed; it is kept when a connection is given up because of a nack."""

    def __init__(self) -> None:
        """Start with IN_FLIGHT."""
        self.size = IN_FLIGHT

    def refused(self) -> None:
        """Go on with one event at a time."""
        self.size = 1

    def confirmed(self) -> None:
        """Allow twice as many as before."""
        self.size = min(2 * self.size, IN_FLIGHT)
