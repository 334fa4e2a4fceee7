"""The processes of a run, as they are started in production too: what each is called, and its command."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from functions.runtime.functions import files
from provisioning.local_settings import LOOPBACK, ROOT, Ports
from tools.local.servers import binaries

Command = list[str]

_PYTHON: Final = (sys.executable, "-m")


def functions(ports: Ports) -> Mapping[str, Command]:
    """Return what the product consists of: the functions and what carries their events and jobs."""
    apis = {"user": ports.user, "admin": ports.admin, "broker": ports.broker}
    binds = [f"{LOOPBACK}:{port}={api}" for api, port in apis.items()] + [f"{LOOPBACK}:{ports.functions}"]
    return {
        "host": [*_PYTHON, "functions.runtime.host", *(part for bind in binds for part in ("--bind", bind))],
        # Apart, as in containers: whoever waits for an answer doesn't wait for what follows from others.
        "subscribers": [
            *(*_PYTHON, "functions.runtime.host", "--bind", f"{LOOPBACK}:{ports.subscribers}"),
            *(file.stem for file in files(["subscribers"])),
        ],
        "relay-user": [*_monitored(ports.monitoring_relay_user), *_PYTHON, "events.relay", "user_psql"],
        "relay-shared": [*_monitored(ports.monitoring_relay_shared), *_PYTHON, "events.relay", "shared_psql"],
        "dispatcher": [*_monitored(ports.monitoring_dispatcher), *_PYTHON, "events.dispatcher"],
        "gateway": [
            *(*_monitored(ports.monitoring_gateway), *_PYTHON, "functions.services.gateway"),
            *("--bind", f"{LOOPBACK}:{ports.gateway}"),
        ],
        "runner": [
            *_monitored(ports.monitoring_runner),
            # Whoever ends a run doesn't wait for what its agents say.
            *("RUNNER_GRACE_SECONDS=5", *_PYTHON, "functions.services.runner"),
        ],
        "agent-host": [
            *(*_PYTHON, "functions.services.agent_host"),
            *("--bind", f"{LOOPBACK}:{ports.agent_host}"),
        ],
        "worker": [
            *("env", "USER_REDIS_USER=worker"),
            *(*_PYTHON, "celery", "--app", "functions.jobs.app", "--quiet", "worker"),
            *("--pool", "threads", "--concurrency", "16", "--queues", "instances.user,instances.admin"),
            *("--loglevel", "INFO", "--without-mingle", "--without-gossip"),
        ],
    }


def _monitored(port: int) -> Command:
    # In containers each has the default port for itself.
    return ["env", f"MONITORING_LISTEN={LOOPBACK}:{port}"]


def watchers(run: Path, ports: Ports) -> Mapping[str, Command]:
    """Return what stands around the product in a local run: Flower, the edge, and what catches mails."""
    flower = ["flower", f"--address={LOOPBACK}", f"--port={ports.flower}", "--persistent=false"]
    return {
        "flower": [
            *("env", "USER_REDIS_USER=flower"),
            *(*_PYTHON, "functions.jobs.flower", "--app", "functions.jobs.app", "--quiet", *flower),
        ],
        "mail": [*_PYTHON, "tools.local.mail_catcher", str(ports.smtp), str(ports.mail)],
        "edge": [
            *("env", f"PATH={binaries.path_to('nginx')}"),
            *(str(ROOT / "deploy" / "nginx" / "start.sh"), str(run / "edge")),
        ],
    }
