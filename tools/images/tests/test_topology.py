"""The whole topology under compose: the journey, the demonstration, and what must not show."""

import contextlib
import io
import json
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Final

import boto3
import pytest
from botocore.exceptions import ClientError

from cli.administrator import FirstAdministrator
from core.ids import new_id
from core.object_store.s3 import Bucket, S3Store
from functions.runtime.functions import declarations
from functions.tests.test_journey import (
    test_a_question_in_other_words_is_answered_by_a_running_faq,
    test_an_administrator_publishes_an_agent_and_stops_somebodys_instance_of_it,
    test_one_trace_and_one_actor_run_from_the_request_to_the_last_event,
    test_somebody_launches_an_agent_talks_to_it_stops_it_and_deletes_it,
    traveller,
)
from provisioning.local_settings import LOOPBACK, ROOT
from testing.compose_stack import Topology
from tools.attack.hostile_agent.main import PROBES
from tools.images.engine import docker, inspected
from tools.local.demo import Demo
from tools.local.transcript import Transcript
from tools.local.wait import until

A_FUNCTION: Final = 48
ALL_ELSE: Final = 2 * 1024
"""MiB, idle: of each function at the mean, and of everything that is none."""

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


CONNECT_TIMEOUT = """
import json, socket, sys
found = []
for way, host, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((host, port), timeout=1).close()
        found.append(way)
    except OSError:
        pass
print(json.dumps(found))
"""

FORGE = """
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
connection.request("POST", "/", b"{}", {"Content-Type": "application/cloudevents+json"})
print(connection.getresponse().status)
"""

DELIVER = """
import http.client, sys, uuid
from events import signing
function, body = sys.argv[1], sys.argv[2].encode()
message = signing.message_id(function, "test", uuid.uuid4().hex)
headers = signing.headers(signing.Keys(signing.KEYS_NAME).current(), message, body)
connection = http.client.HTTPConnection(function, 8080, timeout=60)
connection.request("POST", "/", body, {"Content-Type": "application/cloudevents+json", **headers})
print(connection.getresponse().status)
"""


@pytest.fixture
def stack(running: Topology) -> Topology:
    return running


def secrets(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text().strip() for file in folder.iterdir() if file.name not in PUBLIC}


def test_the_demonstration_runs_to_its_end(running: Topology) -> None:
    address, told = f"http://127.0.0.1:{running.ports['EDGE']}", io.StringIO()
    with contextlib.redirect_stdout(told):
        Demo(Transcript(address), FirstAdministrator(running.env.secrets, address)).tell()

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

    # One of a single character is for who has none.
    there = {name: secret for name, secret in secrets(running.env.secrets).items() if len(secret) > 1}
    assert [name for name, secret in there.items() if secret in shown] == []


def test_a_container_sees_no_secret_but_those_that_its_function_declares(running: Topology) -> None:
    seen = running.compose("exec", "-T", "read-me", "ls", "/var/openfaas/secrets").split()

    assert seen == ["jwt-public-keys", "user-psql-user"]


def address(topology: Topology, service: str) -> str:
    """Return an address of a service that is in one network, whichever that is."""
    [container] = inspected(*topology.compose("ps", "--quiet", service).split())
    return next(str(each["IPAddress"]) for each in container["NetworkSettings"]["Networks"].values())


def open_ways(topology: Topology, caller: str, ways: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return those of some services and ports to which a container can connect, by name or by address."""
    places = [
        (f"{service}:{port}", host, port) for service, port in ways for host in (service, address(topology, service))
    ]
    told = topology.compose("exec", "-T", caller, "python", "-c", CONNECT_TIMEOUT, json.dumps(places))
    return sorted({(way.partition(":")[0], int(way.partition(":")[2])) for way in json.loads(told)})


def test_only_who_must_reaches_whom(running: Topology) -> None:
    databases = [("user_psql", 5432), ("shared_psql", 5432), ("event_bus", 5672), ("event_bus", 15672)]
    hubs = [("user_pgbouncer", 5432), ("shared_pgbouncer", 5432), ("user_redis", 6379)]
    others = [("record-audit", 8080), ("dispatcher", 9464), ("celery_worker", 9464), ("edge", 8090)]

    assert open_ways(running, "read-me", [*databases, *hubs, *others[:3]]) == [("user_pgbouncer", 5432)]
    assert open_ways(running, "celery_worker", [*databases, *hubs, *others, ("login", 8080)]) == sorted(hubs[1:])
    assert open_ways(running, "record-audit", [*databases, ("login", 8080), ("celery_worker", 9464)]) == []
    wanted = [("record-audit", 8080), ("login", 8080), hubs[0], hubs[2], ("celery_worker", 9464)]
    assert open_ways(running, "dispatcher", wanted) == [("record-audit", 8080)]


def test_a_subscriber_receives_nobody_who_does_not_sign(running: Topology) -> None:
    told = running.compose("exec", "-T", "record-revocation", "python", "-c", FORGE)

    assert told.split()[0] == "401"


def test_what_the_trails_are_is_kept_where_nobody_can_delete_it(running: Topology) -> None:
    fallen_due = {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": "/botberi/shared_psql",
        "type": "com.botberi.audit_anchoring.fallen_due.v1",
        "subject": "anchor_audit",
        "time": "2026-01-01T00:00:00Z",
        "data": {"schedule": "anchor_audit", "slot": "2026-01-01T00:00:00Z"},
    }
    told = running.compose(
        *("exec", "-T", "dispatcher", "python", "-c", DELIVER, "anchor-audit", json.dumps(fallen_due))
    )
    key_id, key = (running.env.secrets / "object-store-key").read_text().split()
    bucket = Bucket("botberi-audit", endpoint=f"http://{LOOPBACK}:{running.ports['S3']}")
    kept = set(S3Store(bucket, key_id, key).keys())
    s3 = boto3.client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        aws_access_key_id=key_id,
        aws_secret_access_key=key,
    )
    versions = s3.list_object_versions(Bucket=bucket.name)["Versions"]

    assert told.split()[0] == "200"
    assert {key.split("/")[1] for key in kept} == {"user_psql", "shared_psql"}
    for each in versions:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket.name, Key=each["Key"], VersionId=each["VersionId"])


def test_the_command_works_inside_an_image(running: Topology) -> None:
    told = running.compose(
        *("run", "--rm", "--no-deps", "-T", "--entrypoint", "botberi", "topology", "topology", "--check")
    )

    assert told == "everything is as it should be\n"


def test_no_probe_of_a_hostile_agent_gets_through_where_agents_run(running: Topology) -> None:
    """Run `make attack` as another agent host: in its image, with its user, its limits and in its networks."""
    attack = ROOT / "tools" / "attack"
    try:
        told = running.compose(
            *("run", "--rm", "--no-deps", "-T", "--volume", f"{attack}:/app/tools/attack:ro"),
            *("--entrypoint", "python", "agent_host", "-m", "tools.attack.agents"),
        )
    except subprocess.CalledProcessError as error:
        pytest.fail(f"{error.stdout}")
    probes, through = told.splitlines()[-1].removeprefix("all").split()

    assert (int(probes), through) == (len(PROBES), "0")


def test_pgbouncer_lets_in_pooled_roles_alone(running: Topology) -> None:
    assert {role for role in ("user", "admin", "migrator", "relay") if enters(running, role)} == {"user", "admin"}


def enters(topology: Topology, role: str) -> bool:
    """Return whether PgBouncer lets a role in with its own password."""
    password = (topology.env.secrets / f"user-psql-{role}").read_text().strip()
    with contextlib.suppress(subprocess.CalledProcessError):
        topology.compose("exec", "-T", "read-me", "python", "-c", ENTER, f"botberi_{role}", password)
        return True
    return False


def test_the_idle_topology_keeps_within_its_memory(running: Topology) -> None:
    running.up()
    lines = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *running.containers()).splitlines()
    used = sum(_megabytes(line.partition(" / ")[0]) for line in lines)

    sys.stdout.write(f"\nthe idle topology takes {used:.0f} MiB\n")
    # Functions grow in number, and each is to stay as small as it is.
    assert used <= A_FUNCTION * len(declarations()) + ALL_ELSE


def test_a_warm_start_brings_everything_back(running: Topology) -> None:
    assert until(lambda: running.user.get("/v1/agents").status_code == HTTPStatus.OK, seconds=60)
    before = running.user.get("/v1/agents").json
    running.stop()
    seconds = running.up()

    sys.stdout.write(f"\nwarm start to healthy: {seconds:.0f} s\n")
    assert until(lambda: running.user.get("/v1/agents").json == before, seconds=60)


def _megabytes(quantity: str) -> float:
    number = float(quantity.rstrip("BiGMk"))
    return number * {"G": 1024, "M": 1, "k": 1 / 1024, "K": 1 / 1024}.get(quantity.removesuffix("iB")[-1], 0)
