"""What every platform asks of a function's container, of real ones."""

import json
import sys
from pathlib import Path

import pytest

from testing.containers import mounted, started
from tools.images.engine import docker, inspected
from tools.local.wait import until

pytestmark = pytest.mark.containers

JSON = {"Content-Type": "application/json"}
KEYS = '{"keys": []}'
THREADS = 2


@pytest.fixture
def say_back(built: str, planted: Path) -> tuple[str, ...]:
    """What starts a container with the planted function."""
    return (
        f"{built}/base-function:latest",
        "--env",
        f"THREADS={THREADS}",
        *mounted(planted, "/app/functions/user/say_back.py"),
    )


def test_probes_are_answered_before_and_during_load(say_back: tuple[str, ...]) -> None:
    with started(*say_back) as container:
        before = container.slowest_probe()
        with container.busy("/v1/say_back", 4 * THREADS, b'{"text": "now"}') as statuses:
            during = container.slowest_probe()

    assert len(statuses) == 4 * THREADS
    sys.stdout.write(f"\nslowest of 20 probes: {before:.0f} ms before load, {during:.0f} ms during it\n")


def test_probes_are_answered_while_every_thread_waits(say_back: tuple[str, ...]) -> None:
    with started(*say_back) as container, container.busy("/v1/say_back", THREADS, b'{"text": "wait"}') as statuses:
        until(lambda: container.has("asked"), seconds=30)
        slowest = container.slowest_probe()
        container.touch("released")

    assert statuses == [200] * THREADS
    sys.stdout.write(f"\nslowest of 20 probes with every thread busy: {slowest:.0f} ms\n")


def test_a_body_in_chunks_without_a_length_arrives_whole(say_back: tuple[str, ...]) -> None:
    with started(*say_back) as container:
        status, body = container.ask("POST", "/v1/say_back", iter([b'{"text": ', b'"in chunks"}']), JSON)

    assert (status, json.loads(body)) == (200, {"text": "in chunks"})


def test_a_request_under_way_is_finished_after_sigterm_and_the_container_ends_with_0(say_back: tuple[str, ...]) -> None:
    with started(*say_back) as container:
        with container.busy("/v1/say_back", 1, b'{"text": "wait"}') as statuses:
            until(lambda: container.has("asked"), seconds=30)
            container.terminate()
            container.touch("released")

        assert (statuses, container.exit_code()) == ([200], 0)


def test_it_runs_as_any_user_on_a_root_that_can_only_be_read(say_back: tuple[str, ...]) -> None:
    with started(*say_back, "--user", "12000:12000") as container:
        status, _body = container.ask("POST", "/v1/say_back", b'{"text": "who am I"}', JSON)

        assert (status, docker("exec", container.name, "id", "-u").strip()) == (200, "12000")


@pytest.mark.parametrize("kind", ["file", "folder", "variable"])
def test_a_secret_comes_as_a_file_a_folder_or_a_variable(built: str, tmp_path: Path, kind: str) -> None:
    secrets = tmp_path / "secrets"
    place = secrets / "jwt-public-keys" if kind == "folder" else secrets
    place.mkdir(parents=True)
    (place / "jwt-public-keys").write_text(KEYS)
    options = {"variable": ("--env", f"JWT_PUBLIC_KEYS={KEYS}")}.get(kind, mounted(secrets, "/var/openfaas/secrets"))

    with started(f"{built}/read-jwks:latest", *options) as container:
        status, body = container.ask("GET", "/.well-known/jwks.json")

    assert (status, json.loads(body)) == (200, json.loads(KEYS))


def test_without_a_setting_it_says_which_and_does_not_start(built: str) -> None:
    with started(f"{built}/read-me:latest", wait=False) as container:
        code = container.exit_code()

        assert container.logs() == "read_me can't start: the environment variable USER_PSQL_URL is not set\n"
    assert code == 1


def test_only_a_function_that_sends_jobs_has_celery(built: str) -> None:
    packages = {
        name: docker(
            "run", "--rm", "--entrypoint", "ls", f"{built}/{name}:latest", "/opt/venv/lib/python3.13/site-packages"
        )
        for name in ("converge-instance", "read-me", "list-agents", "login")
    }

    assert {name for name, found in packages.items() if "celery" in found.split()} == {"converge-instance"}


def test_an_image_runs_as_nobody_in_particular_and_without_a_shell(built: str) -> None:
    [image] = inspected(f"{built}/login:latest")

    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Entrypoint"] == ["python", "-m", "functions.runtime.host"]
