"""The thread that reads for all children misses nothing, not even in the end."""

import os
import socket
from queue import Queue

import pytest

from functions.services.agent_host.sandbox.pump import Pump


def test_what_can_be_read_when_the_end_is_asked_for_is_handled() -> None:
    pump, heard = Pump(), list[bytes]()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def hear() -> None:
        heard.append(ours.recv(100))
        if not heard[-1]:
            pump.forget(ours)

    def say_and_stop() -> None:
        # In the thread, so that nothing is looked at before the end.
        pump.watch(ours, hear)
        theirs.send(b"something")
        theirs.send(b"the last word")
        theirs.close()
        pump._ends = True

    pump.start()
    pump.call(say_and_stop)
    pump.stop()
    assert heard == [b"something", b"the last word", b""]
    ours.close()


class Heard:
    must_wait = False

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def feed(self, data: bytes) -> None:
        self.pieces.append(data)

    def end(self) -> None:
        pass


def test_what_a_pipe_holds_is_read_when_it_is_asked_for() -> None:
    pump, heard, told = Pump(), Heard(), Queue[list[bytes]]()
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)

    def write_and_catch_up() -> None:
        # In the thread, so that the pipe isn't looked at between the two.
        pump.read(ours, heard)
        os.write(theirs, b"a line")
        pump.catch_up(ours, heard)
        # By now there is nothing, which it doesn't wait for.
        pump.catch_up(ours, heard)
        told.put(heard.pieces)

    pump.start()
    pump.call(write_and_catch_up)
    assert told.get(timeout=60) == [b"a line"]
    pump.stop()
    os.close(ours)
    os.close(theirs)


def test_what_is_finished_is_not_read_again_though_it_was_readable(caplog: pytest.LogCaptureFixture) -> None:
    pump, heard = Pump(), Heard()
    ours, theirs = os.pipe()
    ends = [socket.socketpair() for _ in range(2)]

    def end() -> None:
        for near, _ in ends:
            pump.forget(near)
        os.close(theirs)
        pump.finish(ours, heard)

    def say_all_at_once() -> None:
        # In the thread, so that nothing is looked at in between. One end is before the pipe, whatever the order is.
        for near, _ in ends:
            pump.watch(near, end)
        pump.read(ours, heard)
        ends[0][1].send(b"end")
        os.write(theirs, b"a line")
        ends[1][1].send(b"end")

    pump.start()
    pump.call(say_all_at_once)
    pump.stop()
    assert heard.pieces == [b"a line"]
    assert caplog.messages == []
    for pair in ends:
        for each in pair:
            each.close()
