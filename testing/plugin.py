"""The fixtures that every test may use."""

import gc
import json
import os
from collections.abc import Callable, Generator, Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from core import context
from functions.domain.mail import transport
from functions.runtime import hosting
from provisioning.local_settings import LOOPBACK, Ports
from testing import clients, people, session
from testing.clients import Api
from testing.environment import Environment, isolated
from testing.people import Person
from testing.stack import Stack, running
from tools.local import databases
from tools.local.mail_catcher import Catcher, catching
from tools.local.ports import free_ports
from tools.local.wait import Found, until

SHORT: Final = "botberi"
LONG: Final = "long"
"""Profiles of hypothesis' settings."""


def pytest_configure(config: pytest.Config) -> None:
    """Give tests the PATH of an ordinary user, whoever runs them, and let hypothesis take its time.

    With `--hypothesis-profile long` its tests try many more examples, where they have a long form.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(folder for folder in folders if not folder.rstrip("/").endswith("sbin"))
    # On a slow machine everything is slow, and no test fails on a speed.
    settings.register_profile(SHORT, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile(LONG, settings.get_profile(SHORT))
    settings.load_profile(config.getoption("--hypothesis-profile") or SHORT)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: ten thousand tests stay, and looking through them takes a third of the time.

    Afterwards garbage is looked for only among what the tests make.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(autouse=True)
def own_context() -> Iterator[None]:
    """Give every test a trace of its own and no actor, whatever the tests before it did."""
    with context.entered(context.Context.start()):
        yield


@pytest.fixture(scope="session")
def env(worker_id: str, testrun_uid: str, pytestconfig: pytest.Config) -> Iterator[Environment]:
    """Real services for this worker: settings and secrets in the environment, databases migrated, nothing in them.

    With `--testrunuid` they are those of another run, which must have no worker of this name.
    """
    other = pytestconfig.getoption("testrunuid")
    with session.joined(other or testrun_uid) as folder:
        ports = Ports(**json.loads((folder / session.READY).read_text()))
        with isolated(folder, ports, worker_id) as made:
            if other:
                # The code that its databases were migrated by may be older.
                databases.prepare()
            yield made


@pytest.fixture
def nothing_stopped(env: Environment) -> Iterator[None]:
    """Let no kill switch that the test engages stop what comes after it."""
    yield
    env.forget_kill_switches()


@pytest.fixture
def no_runner(env: Environment) -> None:
    """Let no lease that another test has left be taken for a runner that runs."""
    env.forget_leases()


@pytest.fixture(scope="session")
def api(env: Environment) -> Api:
    """Every function, in this process; an answer that its endpoint doesn't declare fails the test."""
    ports = {api: getattr(env.ports, api) for api in ("user", "admin", "broker", "subscribers")}
    apis = {str(port): api for api, port in ports.items()}
    made = hosting.create([], apis)
    return Api(clients.in_process(made, ports), made.declarations)


@pytest.fixture
def person(api: Api, env: Environment) -> Callable[..., Person]:
    """`person()` makes somebody an account and logs in; `person(scopes=("user", "admin"))` is an administrator.

    With `verified=False` their address isn't verified.
    """

    def arrive(scopes: tuple[str, ...] = ("user",), *, verified: bool = True) -> Person:
        return people.arrive(api, env, scopes, verified=verified)

    return arrive


@pytest.fixture
def mails(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catcher]:
    """Have the functions in this process send their mails, and catch them."""
    # Ports of its own: a stack has a catcher too.
    smtp, page = free_ports(2)
    monkeypatch.setenv(transport.URL, f"smtp://{LOOPBACK}:{smtp}")
    with catching(smtp, page) as running:
        yield running.catcher


@pytest.fixture(scope="session")
def eventually() -> Callable[..., object]:
    """`eventually(lambda: …)` waits until the condition is true, two minutes at most, and returns its value."""

    def wait(condition: Callable[[], Found], seconds: float = 120) -> Found:
        found = until(condition, seconds=seconds)
        assert found, f"still {found!r} after {seconds} seconds"
        return found

    return wait


@pytest.fixture(scope="module")
def stack(env: Environment) -> Iterator[Stack]:
    """Run the product as processes (host, relays, dispatcher, worker), with sample agents, in databases made anew."""
    with running(env) as made:
        yield made
