"""A loop handles what is ready, and nothing that has gone in the same turn."""

import os
import selectors
import socket

from functions.services.agent_host.sandbox.selection import ready


def readable() -> socket.socket:
    near, far = socket.socketpair()
    with far:
        far.send(b"x")
    return near


def test_a_file_is_left_out_that_another_has_taken_the_number_of() -> None:
    first, second, third = readable(), readable(), readable()
    handled: list[str] = []
    with selectors.DefaultSelector() as selector, first, second, third:

        def handle(name: str, other: socket.socket) -> None:
            handled.append(name)
            selector.unregister(other)
            os.dup2(third.fileno(), other.fileno())
            selector.register(other, selectors.EVENT_READ, lambda: handled.append("third"))

        selector.register(first, selectors.EVENT_READ, lambda: handle("first", second))
        selector.register(second, selectors.EVENT_READ, lambda: handle("second", first))
        for callback in ready(selector, 0):
            callback()
        assert handled in (["first"], ["second"])
