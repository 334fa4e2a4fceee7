"""Serve a function by the host, or by functions-framework alone: `serve.py ours|bare FILE THREADS PORT`."""

import logging
import sys
from pathlib import Path


def ours(file: Path, threads: int, port: int) -> None:
    """Serve as a function's container does."""
    from core import logs
    from functions.runtime import problems
    from functions.runtime.hosting import Host
    from functions.runtime.http.server import serve

    logs.configure("bench", level="WARNING")
    serve(lambda: Host([file], {}), [f"127.0.0.1:{port}"], threads=threads, problem=problems.of_request)


def bare(file: Path, _threads: int, port: int) -> None:
    """Serve by functions-framework's own server and settings, as `functions-framework --target` does."""
    from functions_framework import create_app
    from functions_framework._http import create_server

    create_server(create_app(file.stem, str(file), "http"), False).run("127.0.0.1", port)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    {"ours": ours, "bare": bare}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
