import stat

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from urllib3 import make_headers

from core import http_client
from provisioning.local_settings import Ports
from testing.environment import Environment
from tools.local import orphans
from tools.local.wait import until


def test_everything_listens_on_this_machine_alone(env: Environment) -> None:
    addresses = {
        connection.laddr.ip
        for process in orphans.processes(env.session)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}


def test_only_their_owner_can_read_the_secrets(env: Environment) -> None:
    assert stat.S_IMODE(env.secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in env.secrets.iterdir()} == {0o600}


def test_rabbitmqs_well_known_user_is_not_there(env: Environment) -> None:
    assert _whoami(env, "guest", "guest") == 401
    assert _whoami(env, "botberi_admin", (env.secrets / "event-bus-admin").read_text()) == 200


def _whoami(env: Environment, user: str, password: str) -> int:
    url = f"http://127.0.0.1:{env.ports.event_bus_management}/api/whoami"
    return http_client.request("GET", url, seconds=30, headers=make_headers(basic_auth=f"{user}:{password}")).status


def test_a_role_may_do_no_more_than_it_must(env: Environment) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), env.transaction("user_psql", "broker") as db:
        db.execute(text("select * from accounts"))


def test_no_test_comes_near_the_ports_of_a_run(env: Environment) -> None:
    assert not set(vars(env.ports).values()) & set(vars(Ports()).values())


def test_a_condition_that_never_comes_true_is_given_up() -> None:
    assert until(lambda: 0, seconds=0.1) == 0
