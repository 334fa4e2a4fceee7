"""The whole topology under compose: the journey, the demonstration, and what must not show."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from functions.containers.engine import docker, inspected
from functions.containers.topology import Topology
from functions.local.demo import Demo
from functions.local.seed import ADMINISTRATOR
from functions.local.transcript import Transcript
from functions.tests.test_journey import (
    test_a_question_in_other_words_is_answered_by_a_running_faq,
    test_an_administrator_publishes_an_agent_and_stops_somebodys_instance_of_it,
    test_one_trace_and_one_actor_run_from_the_request_to_the_last_event,
    test_somebody_launches_an_agent_talks_to_it_stops_it_and_deletes_it,
    traveller,
)

pytestmark = pytest.mark.containers

__all__ = [
    "test_a_question_in_other_words_is_answered_by_a_running_faq",
    "test_an_administrator_publishes_an_agent_and_stops_somebodys_instance_of_it",
    "test_one_trace_and_one_actor_run_from_the_request_to_the_last_event",
    "test_somebody_launches_an_agent_talks_to_it_stops_it_and_deletes_it",
    "traveller",
]

PUBLIC = {"jwt-public-keys"}

ENTER = """
import sys
from pg8000.native import Connection, DatabaseError
try:
    Connection(sys.argv[1], password=sys.argv[2], host="user_pgbouncer", database="user_psql").run("select 1")
except DatabaseError:
    sys.exit(1)
"""


@pytest.fixture
def stack(running: Topology) -> Topology:
    return running


def secrets(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text().strip() for file in folder.iterdir() if file.name not in PUBLIC}


def test_the_demonstration_runs_to_its_end(running: Topology) -> None:
    password = (running.world.secrets / "administrator").read_text().strip()
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        Demo(
            Transcript(f"http://127.0.0.1:{running.ports['EDGE']}"), {"email": ADMINISTRATOR, "password": password}
        ).tell()

    assert told.getvalue().rstrip().splitlines()[-1].startswith("  401 code: session_revoked")


def test_every_service_is_healthy_or_has_done_its_work(running: Topology) -> None:
    states = [container["State"] for container in inspected(*running.containers())]
    once = [state["ExitCode"] for state in states if state["Status"] == "exited"]
    health = {state["Health"]["Status"] for state in states if state["Status"] == "running"}

    assert (once, health) == ([0] * 4, {"healthy"})


def test_no_secret_shows_in_what_the_engine_tells_or_in_logs(running: Topology) -> None:
    containers = inspected(*running.containers())
    images = inspected(*{container["Image"] for container in containers})
    shown = json.dumps([containers, images]) + running.compose("logs", "--no-color")

    assert [name for name, secret in secrets(running.world.secrets).items() if secret in shown] == []


def test_a_container_sees_no_secret_but_those_that_its_function_declares(running: Topology) -> None:
    seen = running.compose("exec", "-T", "read-me", "ls", "/var/openfaas/secrets").split()

    assert seen == ["jwt-public-keys", "user-psql-user"]


def test_pgbouncer_lets_in_pooled_roles_alone(running: Topology) -> None:
    assert {role for role in ("user", "admin", "migrator", "relay") if enters(running, role)} == {"user", "admin"}


def enters(topology: Topology, role: str) -> bool:
    """Tell whether PgBouncer lets a role in with its own password."""
    password = (topology.world.secrets / f"user-psql-{role}").read_text().strip()
    with contextlib.suppress(subprocess.CalledProcessError):
        topology.compose("exec", "-T", "read-me", "python", "-c", ENTER, f"botberi_{role}", password)
        return True
    return False


def test_the_idle_topology_keeps_within_four_gigabytes(running: Topology) -> None:
    running.up()
    lines = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *running.containers()).splitlines()
    used = sum(_megabytes(line.partition(" / ")[0]) for line in lines)

    sys.stdout.write(f"\nthe idle topology takes {used:.0f} MiB\n")
    assert used <= 4096


def test_a_warm_start_brings_everything_back(running: Topology) -> None:
    before = running.user.get("/v1/agents").json
    running.compose("--progress", "quiet", "stop", "--timeout", "30")
    seconds = running.up()

    sys.stdout.write(f"\nwarm start to healthy: {seconds:.0f} s\n")
    assert running.user.get("/v1/agents").json == before


def _megabytes(quantity: str) -> float:
    number = float(quantity.rstrip("BiGMk"))
    return number * {"G": 1024, "M": 1, "k": 1 / 1024, "K": 1 / 1024}.get(quantity.removesuffix("iB")[-1], 0)
