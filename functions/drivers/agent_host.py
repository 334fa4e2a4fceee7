"""The process around an agent: `python -I agent_host.py FOLDER SOCKET`, started by the process driver alone.

It serves the function `agent` of FOLDER/agent/main.py, as functions-framework does, on a listening socket that it
inherits as the file descriptor SOCKET. It answers health itself. Nothing of the platform can be imported in it.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

GRACE_SECONDS = 4
THREADS = 4
HTTP = "botberi_http"
"""The name of the server's package in an agent's process."""


def record(folder: Path, address: str) -> None:
    """Write down which process this is, so that a worker that comes later knows it again."""
    # Field 22 of what follows the parenthesised name is when the process started, in ticks since the machine did.
    started = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    entry = {"pid": os.getpid(), "started": int(started), "address": address}
    draft = folder / "process.json.child"
    draft.write_text(json.dumps(entry), encoding="utf-8")
    draft.replace(folder / "process.json")


def application(source: Path) -> WSGIApplication:
    """Return the agent as a WSGI application that answers health around it."""
    import functions_framework

    create: Callable[..., WSGIApplication] = functions_framework.create_app
    agent = create(target="agent", source=str(source), signature_type="http")

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in {"/_/health", "/_/ready"}:
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
            return [b"ok"]
        return agent(environ, start_response)

    return answer


def problem(code: str, _detail: str | None) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return what is answered where the agent has failed, or was not asked: to the platform, which asks nobody else."""
    return 500 if code == "internal" else 400, [(b"content-length", b"%d" % len(code))], code.encode()


def server() -> ModuleType:
    """Import the server that functions have, by its place: nothing else of the platform shall be found."""
    folder = Path(__file__).parents[1] / "runtime" / "http"
    spec = spec_from_file_location(HTTP, folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec is not None  # noqa: S101 - there is a loader for Python
    sys.modules[HTTP] = module_from_spec(spec)
    return import_module(f"{HTTP}.server")


def serve(source: Path, listening: socket.socket) -> None:
    """Serve the agent until SIGTERM. While it is being loaded, that ends it at once."""
    http = server()
    sys.path.insert(0, str(source.parent))
    adapter = http.Adapter(application(source), THREADS, problem)
    http.Server(adapter, problem, http.Limits(grace=GRACE_SECONDS)).run([listening])


def main() -> None:
    """Read the command line, write the process down, and serve."""
    folder, listening = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    host, port = listening.getsockname()
    record(folder, f"http://{host}:{port}")
    source = folder / "agent" / "main.py"
    os.chdir(source.parent)
    sys.argv = ["agent"]
    serve(source, listening)


if __name__ == "__main__":
    main()
