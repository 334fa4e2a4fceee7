"""The bell rings for what there is to do, and only then."""

from collections.abc import Callable
from threading import Event

import pytest

from functions.services.runner.bell import Bell
from functions.services.runner.tests.asking import Asking
from testing.environment import Environment

AGENT = """
def agent(request):
    return {"text": "well"}
"""


class Heard:
    """What a bell has rung for."""

    def __init__(self) -> None:
        self.claim = Event()
        self.cancel = Event()
        Bell(self.claim.set, self.cancel.set).start()
        # Once it listens, since nobody has heard what was told before.
        assert self.claim.wait(60)
        assert self.cancel.wait(60)
        self.forget()

    def forget(self) -> None:
        self.claim.clear()
        self.cancel.clear()


@pytest.fixture
def heard(env: Environment) -> Heard:
    return Heard()


def test_it_rings_for_a_run_and_not_for_its_cancel_while_nobody_is_at_work(
    asking: Callable[[str], Asking], heard: Heard
) -> None:
    agent = asking(AGENT)
    heard.forget()
    run = agent.ask()
    assert heard.claim.wait(60)
    agent.cancel(run)
    # Notifications come in their order.
    heard.claim.clear()
    agent.ask()
    assert heard.claim.wait(60)
    assert not heard.cancel.is_set()


def test_it_rings_for_what_is_to_be_cancelled(asking: Callable[[str], Asking], heard: Heard, env: Environment) -> None:
    agent = asking(AGENT)
    run = agent.ask()
    with env.transaction("shared_psql", "migrator") as db:
        db.exec_driver_sql(f"update runs set lease_owner = 'somebody' where id = '{run.id}'")
    agent.cancel(run)
    assert heard.cancel.wait(60)
    heard.forget()
    assert agent.instance.ask("stop").status_code == 202
    assert heard.cancel.wait(60)


def test_it_rings_for_everything_once_it_listens_again(heard: Heard, env: Environment) -> None:
    # Whoever has a role may end its sessions.
    with env.transaction("shared_psql", "runner") as db:
        db.exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'botberi-runner-bell' and datname = current_database()"
        )
    assert heard.claim.wait(60)
    assert heard.cancel.wait(60)
