"""Serve a function for a measurement: `serve.py ours|bare FILE PORT`, or `serve.py declared NAME PORT`."""

import logging
import os
import sys
from pathlib import Path


def declared(name: str, port: str) -> None:
    """Serve one of the product's functions as its container does."""
    os.environ["PORT"] = port
    from functions.runtime.host import main

    sys.argv = ["host", name]
    main()


def ours(file: str, port: str) -> None:
    """Serve a file as a function's container does."""
    from core import logs
    from functions.runtime import problems
    from functions.runtime.hosting import Host
    from functions.runtime.http.server import serve

    logs.configure("bench", level="WARNING")
    serve(lambda: Host([Path(file)], {}), [f"127.0.0.1:{port}"], threads=4, problem=problems.of_request)


def bare(file: str, port: str) -> None:
    """Serve a file by functions-framework's own server and settings, as `functions-framework --target` does."""
    from functions_framework import create_app
    from functions_framework._http import create_server

    name = Path(file).stem
    create_server(create_app(name, file, "http"), False).run("127.0.0.1", int(port))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    {"declared": declared, "ours": ours, "bare": bare}[sys.argv[1]](*sys.argv[2:])
