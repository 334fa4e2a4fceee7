"""Time limits of sockets that the kernel keeps.

Python's own cost a call of the kernel for each read and write, and each call is a chance to lose the interpreter to
another thread.
"""

import socket
import ssl
import struct
from typing import Final

_TIMEVAL: Final = struct.Struct("ll")


def limit(connection: socket.socket, seconds: float) -> None:
    """Have each read and each write take `seconds` at most, then raise BlockingIOError; 0 is no limit.

    Of an encrypted socket Python keeps the limit, and the error is TimeoutError: OpenSSL takes the kernel's for a call
    to try again.
    """
    if isinstance(connection, ssl.SSLSocket):
        connection.settimeout(seconds or None)
        return
    value = _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1_000_000))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, value)
    connection.settimeout(None)
