import secrets
from collections.abc import Iterator

import pytest

from functions.domain.accounts import accounts
from functions.domain.databases import UserDb
from functions.local import health, private_process, processes
from functions.local.demo import Demo
from functions.local.errors import LocalError
from functions.local.ports import free_ports
from functions.local.testing.stack import Stack
from functions.local.transcript import Transcript

EMAIL = "admin@botberi.example"


@pytest.fixture
def edge(stack: Stack) -> Iterator[int]:
    ports = stack.world.ports
    command = processes.watchers(stack.folder, ports)["edge"]
    nginx = private_process.start("edge", command, run=stack.folder, cwd=stack.folder, environment=stack.environment)
    nginx.wait_until(health.watchers(ports)["edge"])
    yield ports.edge
    nginx.stop()


@pytest.fixture
def administrator(stack: Stack) -> dict[str, str]:
    account = {"email": EMAIL, "password": secrets.token_urlsafe(12)}
    with stack.world.transaction("user_psql", "user") as db:
        accounts.create_account(UserDb(db), account["email"], account["password"], accounts.SCOPES)
    return account


def test_the_demonstration_comes_to_its_end_and_shows_no_secret(
    edge: int, administrator: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Demo(Transcript(edge), administrator).tell()
    told = capsys.readouterr().out
    assert "You said: Hello, world" in told
    assert "Follow the link below the log-in form." in told
    assert "CAN YOU HEAR ME!" in told
    assert "  < com.botberi.instance.status_changed.v1  status: running" in told
    assert administrator["password"] not in told


def test_without_a_run_the_demonstration_says_how_to_start_one() -> None:
    [nobody] = free_ports(1)
    with pytest.raises(LocalError, match="start `make run`"):
        Transcript(nobody).ask("GET", "/v1/agents", expect=200)
