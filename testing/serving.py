"""Every function at one address, as the edge has them, in threads of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.serving import make_server

from functions.runtime import hosting


@contextmanager
def every_function() -> Iterator[str]:
    """Serve them for the block; yield the address."""
    server = make_server("127.0.0.1", 0, hosting.create([], {}), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
