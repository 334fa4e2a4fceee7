"""The process driver: each instance is a process beside the worker. It isolates nothing.

So it starts none unless `AGENTS_UNCONFINED` is `yes`: an agent can read the worker's secrets and reach what it reaches.

Per instance there are, in the folder that the setting `BOTBERI_INSTANCES` names, a lock that holds the last fencing
token (`<id>.token`) and a folder `<id>`: the agent's source, its config, its log, and which process it is. Instances
listen on the address that `INSTANCES_HOST` names, which is the worker's own name where functions are on other machines.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep, time
from typing import IO, Final, Self

from core import http_client
from core.configuration import setting
from functions.domain.catalog import bundles
from functions.domain.instances import confinement
from functions.domain.instances.deployments import Deployment
from functions.domain.instances.plan import Observed, State
from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, StaleToken
from functions.drivers.processes import Process, spawn

GRACE: Final = 5
"""Seconds between the gentle end and the forced one."""

LOCK_SECONDS: Final = 5
HEALTH_TIMEOUT: Final = 0.5
LOG_BYTES: Final = 5 * 1024 * 1024
"""A log that is longer is put aside at the next start; one is kept."""

_PROCESS: Final = "process.json"
_STOPPING: Final = "stopping"
_DEPLOYED: Final = "deployed"


class ProcessDriver:
    """Runs instances as processes under one folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is created when it is missing."""
        self.folder = folder

    @classmethod
    def from_settings(cls) -> Self:
        """Return the driver that works under the folder that `BOTBERI_INSTANCES` names."""
        return cls(Path(setting("BOTBERI_INSTANCES")).absolute())

    def deploy(self, deployment: Deployment) -> None:
        """Unpack and start the instance, unless it runs already."""
        if not confinement.is_allowed():
            raise CannotDeployError(Reason.AGENTS_NOT_ALLOWED)
        bundle = deployment.bundle
        if bundle is None:
            raise CannotDeployError(Reason.DRIVER_CANNOT_RUN_IMAGE)
        with self._fenced(deployment.instance_id, deployment.token) as home:
            process = Process.read(home / _PROCESS)
            if process is not None and process.lives:
                if _is_deployed(home, deployment):
                    return
                process.kill()
            _put_in_place(home, deployment, bundle)
            _start(home)

    def observe(self, instance_id: str) -> Observed:
        """Return the state of the instance's process, and its address if it runs."""
        home = self.folder / instance_id
        process = Process.read(home / _PROCESS)
        if process is None:
            return Observed(State.ABSENT)
        if not process.lives:
            return Observed(State.ABSENT if (home / _STOPPING).exists() else State.EXITED)
        answers = http_client.is_ok(f"{process.address}/_/health", seconds=HEALTH_TIMEOUT)
        return Observed(State.READY if answers else State.STARTING, process.address)

    def stop(self, instance_id: str, token: int) -> None:
        """Ask the process to end; after a while, make it."""
        with self._fenced(instance_id, token) as home:
            _end(home)

    def remove(self, instance_id: str, token: int) -> None:
        """Delete the instance's folder, once its process has ended."""
        with self._fenced(instance_id, token) as home:
            _end(home)
            process = Process.read(home / _PROCESS)
            if process is None or not process.lives:
                shutil.rmtree(home, ignore_errors=True)

    @contextmanager
    def _fenced(self, instance_id: str, token: int) -> Iterator[Path]:
        """Hold the instance's lock, if no later token was seen before. Gives the instance's folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / f"{instance_id}.token").open("a+", encoding="ascii") as file:
            _lock(file)
            file.seek(0)
            if int(file.read() or 0) > token:
                raise StaleToken(instance_id)
            file.truncate(0)
            file.write(str(token))
            file.flush()
            yield self.folder / instance_id


def _lock(file: IO[str]) -> None:
    """Take the lock. Raises TimeoutError: whoever has it may be frozen, and must not freeze others."""
    until = monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() > until:
                raise TimeoutError(f"{file.name} is locked") from None
            sleep(0.05)
        else:
            return


def _put_in_place(home: Path, deployment: Deployment, bundle: bytes) -> None:
    shutil.rmtree(home / "agent", ignore_errors=True)
    for name in (_PROCESS, _STOPPING, _DEPLOYED):
        (home / name).unlink(missing_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "agent").mkdir()
    try:
        bundles.unpack(bundle, home / "agent")
    except bundles.BundleInvalid:
        raise CannotDeployError(Reason.BUNDLE_INVALID) from None
    config = home / "config.json"
    config.unlink(missing_ok=True)
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(deployment.config, file)
    # Written before the start: a process that is there without it belongs to something else.
    (home / _DEPLOYED).write_text(_fingerprint(deployment), encoding="ascii")


def _start(home: Path) -> None:
    log = home / "agent.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    # The socket listens before the process runs, so that no other can take the port in between.
    with socket.create_server((setting("INSTANCES_HOST", "127.0.0.1"), 0)) as listening:
        host, port = listening.getsockname()
        arguments = [sys.executable, "-I", "-u", str(Path(__file__).with_name("agent_host.py")), str(home), "3"]
        process = spawn(arguments, _environment(home), log=log, descriptor=listening.fileno())
        if process is not None:
            Process(process.pid, process.started, f"http://{host}:{port}").write(home / _PROCESS)


def _environment(home: Path) -> dict[str, str]:
    """Return what an agent is told: nothing of this process' own, which holds addresses and perhaps secrets."""
    return {
        "AGENT_CONFIG": str(home / "config.json"),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }


def _end(home: Path) -> None:
    process = Process.read(home / _PROCESS)
    if process is None:
        return
    mark = home / _STOPPING
    if not mark.exists():
        mark.write_text(str(time()), encoding="ascii")
        process.signal(signal.SIGTERM)
    elif time() - float(mark.read_text(encoding="ascii") or 0) > GRACE:
        process.signal(signal.SIGKILL)


def _is_deployed(home: Path, deployment: Deployment) -> bool:
    deployed = home / _DEPLOYED
    fits = deployed.exists() and deployed.read_text(encoding="ascii") == _fingerprint(deployment)
    return fits and not (home / _STOPPING).exists()


def _fingerprint(deployment: Deployment) -> str:
    config = json.dumps(deployment.config, sort_keys=True)
    return hashlib.sha256(f"{deployment.version_id} {config}".encode()).hexdigest()


def stop_all(folder: Path) -> None:
    """End every instance under a folder: gently, and by force after a while. For the end of a local run.

    What is wanted of them stays as it is, so that a worker starts them again.
    """
    processes = [process for file in folder.glob(f"*/{_PROCESS}") if (process := Process.read(file)) is not None]
    for process in processes:
        process.signal(signal.SIGTERM)
    until = monotonic() + GRACE
    while monotonic() < until and any(process.lives for process in processes):
        sleep(0.05)
    for process in processes:
        with suppress(TimeoutError):
            process.kill()
