"""`make run`: the whole of Botberi on this machine, under `.local/`, until Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

from core.configuration import secret
from provisioning import local_settings, seed
from provisioning.local_settings import Ports
from tools.local import databases, health, orphans, processes, table
from tools.local.errors import LocalError
from tools.local.lock import exclusive
from tools.local.ports import refuse_taken
from tools.local.runner import Runner
from tools.local.servers import services

LONG_LOG: Final = 10 * 1024 * 1024
"""Bytes of a log that is put aside at the next start; one is kept."""

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run: Ctrl-C, whoever supervises it, and a terminal that is closed."""


def main() -> None:
    """Run, and end with one line that says what went wrong, if something did."""
    for number in _ENDING:
        signal.signal(number, _interrupt)
    run = local_settings.ROOT / ".local"
    try:
        with exclusive(run):
            _run(run, Ports())
    except LocalError as error:
        sys.exit(f"botberi: {error}")
    except KeyboardInterrupt:
        sys.exit("botberi: stopped before it was up")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    # From here on everything ends by itself, and a second Ctrl-C would only leave something behind.
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _run(run: Path, ports: Ports) -> None:
    started = time.monotonic()
    if ended := orphans.end(run):
        _say(f"ended {ended} processes that an earlier run left behind")
    refuse_taken(ports)
    _put_long_logs_aside(run / "logs")
    os.environ.update(local_settings.environment(run, ports))
    try:
        _say("starting PostgreSQL, Redis and RabbitMQ …")
        with services.running(run, ports, durable=True) as servers:
            password = _prepare(run)
            _say("starting the functions, relays, dispatcher, agent host, worker, Flower, mail catcher and nginx …")
            runner = Runner(run, servers)
            runner.add(processes.functions(ports), health.functions(ports), os.environ)
            flower = {"FLOWER_BASIC_AUTH": f"{table.FLOWER_USER}:{secret('flower')}"}
            runner.add(processes.watchers(run, ports), health.watchers(ports), os.environ | flower)
            trouble = runner.loop(lambda: table.show(run, ports, password, time.monotonic() - started))
            _ignore_signals()
            _say("stopping …")
    finally:
        orphans.end(run)
    if trouble:
        raise LocalError(trouble)
    _say("everything has stopped; the data is kept for the next `make run`")


def _put_long_logs_aside(folder: Path) -> None:
    for log in folder.glob("*.log"):
        if log.stat().st_size > LONG_LOG:
            log.replace(log.with_suffix(".log.1"))


def _prepare(run: Path) -> str | None:
    _say("migrating the databases, seeding the catalog …")
    databases.prepare()
    topology = subprocess.run(
        [sys.executable, "-m", "events.topology"],
        cwd=local_settings.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if topology.returncode:
        message = f"the queues can't be made: {topology.stderr.strip().splitlines()[-1]}"
        raise LocalError(message)
    seed.catalog()
    return seed.administrator(run / "administrator")


def _say(text: str) -> None:
    sys.stdout.write(f"botberi: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
