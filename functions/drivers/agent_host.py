"""The process around an agent: `python -I agent_host.py FOLDER SOCKET`, started by the process driver alone.

It serves the function `agent` of FOLDER/agent/main.py, as functions-framework does, on a listening socket that it
inherits as the file descriptor SOCKET. It answers health itself. Nothing of the platform can be imported in it.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

GRACE_SECONDS = 4
THREADS = 4
PR_SET_PDEATHSIG = 1


def record(folder: Path, address: str) -> None:
    """Write down which process this is, so that a worker that comes later knows it again."""
    # Field 22 of what follows the parenthesised name is when the process started, in ticks since the machine did.
    started = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    entry = {"pid": os.getpid(), "started": int(started), "address": address}
    draft = folder / "process.json.child"
    draft.write_text(json.dumps(entry), encoding="utf-8")
    draft.replace(folder / "process.json")


def application(source: Path) -> Callable[..., Iterable[bytes]]:
    """Return the agent as a WSGI application that answers health around it."""
    import functions_framework

    create: Callable[..., Any] = functions_framework.create_app
    agent = create(target="agent", source=str(source), signature_type="http")

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in {"/_/health", "/_/ready"}:
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
            return [b"ok"]
        return agent(environ, start_response)  # type: ignore[no-any-return]  # the framework has no types

    return answer


def end_with_parent(_server: object, _worker: object) -> None:
    """Have the kernel end this process when the one that started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_child(_server: object, _worker: object) -> None:
    """End when the agent has: the platform decides when it is started again, not the server."""
    os._exit(1)


def serve(source: Path, descriptor: int) -> None:
    """Serve the agent until SIGTERM."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            options = {
                "bind": [f"fd://{descriptor}"],
                "workers": 1,
                "worker_class": "gthread",
                "threads": THREADS,
                "timeout": 0,
                "graceful_timeout": GRACE_SECONDS,
                "accesslog": None,
                "loglevel": "warning",
                "control_socket_disable": True,
                "post_fork": end_with_parent,
                "child_exit": end_with_child,
                "worker_tmp_dir": "/dev/shm",  # nosec B108 # noqa: S108 - a heartbeat file that must not touch a disk
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Callable[..., Iterable[bytes]]:
            sys.path.insert(0, str(source.parent))
            # An agent that is still being loaded has nothing to finish: it ends at once when it is told to.
            handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
            agent = application(source)
            signal.signal(signal.SIGTERM, handler)
            return agent

    Server().run()


def main() -> None:
    """Read the command line, write the process down, and serve."""
    folder, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    with socket.socket(fileno=os.dup(descriptor)) as listening:
        host, port = listening.getsockname()
    record(folder, f"http://{host}:{port}")
    source = folder / "agent" / "main.py"
    os.chdir(source.parent)
    sys.argv = ["agent"]
    serve(source, descriptor)


if __name__ == "__main__":
    main()
