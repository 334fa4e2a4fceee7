"""The thread that reads for all children misses nothing, not even in the end."""

import socket

from functions.services.agent_host.sandbox.pump import Pump


def test_what_can_be_read_when_the_end_is_asked_for_is_handled() -> None:
    pump, heard = Pump(), list[bytes]()
    ours, theirs = socket.socketpair()

    def say_and_stop() -> None:
        # In the thread, so that nothing is looked at between the two.
        pump.watch(ours, lambda: heard.append(ours.recv(100)))
        theirs.send(b"the last word")
        pump._ends = True

    pump.start()
    pump.call(say_and_stop)
    pump.stop()
    assert heard == [b"the last word"]
    ours.close()
    theirs.close()
