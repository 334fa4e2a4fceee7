"""Events as people see them happen: through the edge, from the request of one to the page of another."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from websockets.exceptions import InvalidStatus

from functions.services.realtime.tests.tabs import Tab, cloudevent, connection
from functions.tests import browsers
from functions.tests.test_documents import PYTHON, ROOT
from functions.tests.test_journey import launched
from testing import people
from testing.launches import Launched
from testing.people import Person
from testing.stack import Stack

Eventually = Callable[..., Any]

GUIDE = (ROOT / "docs/services/gateway.md").read_text()
SCRIPT = re.compile(r"<!-- test: browser -->\n```js\n(.*?)```", re.DOTALL)

PAGE = """<!doctype html><title>Follows</title><p id="live"></p><p id="reloads">0</p><ol id="events"></ol>
<script>SCRIPT</script>
<script>
const find = (id) => document.getElementById(id);
const start = (address, token) => follow(address, async () => token, {
  show: (event) => { find("events").append(document.createElement("li"), event.data.status ?? event.type); },
  reload: () => { find("reloads").textContent = 1 + Number(find("reloads").textContent); },
  live: (yes) => { find("live").textContent = yes ? "live" : "not live"; },
});
</script>"""


class Site(ThreadingHTTPServer):
    """Whoever serves the page of an application."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    (folder / "index.html").write_text(PAGE.replace("SCRIPT", SCRIPT.findall(GUIDE)[0]))
    site = Site(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("stranger")) as site:
        yield site


@pytest.fixture(scope="module")
def edge(stack: Stack, site: Site) -> Iterator[int]:
    with stack.edge(EDGE_CORS_ORIGINS=site.origin):
        yield stack.env.ports.edge


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with browsers.headless() as chrome:
        yield chrome


@pytest.fixture
def ada(stack: Stack) -> Person:
    return people.arrive(stack, stack.env, ("user",))


@pytest.fixture
def bob(stack: Stack) -> Person:
    return people.arrive(stack, stack.env, ("user",))


def statuses(tab: Tab) -> list[str]:
    """Return what became of instances, as a tab has received it, until one runs."""
    tab.until(lambda message: cloudevent(message).get("data", {}).get("status") == "running")
    return [each["data"]["status"] for each in tab.events if "status" in each["data"]]


def test_two_people_each_see_what_becomes_of_their_own_instance(
    stack: Stack, edge: int, ada: Person, bob: Person
) -> None:
    with Tab(edge, ada.token) as of_ada, Tab(edge, bob.token) as of_bob:
        instances = {of_ada: launched(stack, ada, "echo", {}).id, of_bob: launched(stack, bob, "echo", {}).id}
        for tab, instance in instances.items():
            assert statuses(tab) == ["provisioning", "starting", "running"]
            # That the person came may be numbered just after they have opened their tab.
            owner = {of_ada: ada.id, of_bob: bob.id}[tab]
            assert {each["subject"] for each in tab.events} - {owner} == {instance}


def test_an_administrator_sees_what_somebody_else_does(stack: Stack, edge: int, ada: Person) -> None:
    admin = people.arrive(stack, stack.env, ("user", "admin"))
    with Tab(edge, admin.token) as tab:
        tab.subscribe(all=True, types=["com.botberi.account.registered.v1"])
        newcomer = people.arrive(stack, stack.env, ("user",))
        assert tab.until(lambda message: cloudevent(message).get("subject") == newcomer.id)
        assert ada.id not in [each["subject"] for each in tab.events]


def test_logging_out_ends_every_tab_of_the_session(stack: Stack, edge: int, ada: Person) -> None:
    with Tab(edge, ada.token) as one, Tab(edge, ada.token) as other:
        stack.user.post("/v1/auth/logout", token=ada.token)
        assert one.end() == other.end() == (4401, "session_revoked")


def test_neither_edge_nor_gateway_writes_a_token_down(stack: Stack, edge: int, ada: Person) -> None:
    with Tab(edge, ada.token), pytest.raises(InvalidStatus), connection(edge, f"/v1/realtime?token={ada.token}"):
        pass
    assert ada.token not in stack.log("edge") + stack.log("gateway")


class Page:
    """The guide's page, in a browser."""

    def __init__(self, browser: Chrome, edge: int) -> None:
        self.browser = browser
        self.address = f"ws://127.0.0.1:{edge}/v1/realtime"

    def open(self, site: Site, token: str) -> None:
        self.browser.get(site.origin)
        self.browser.execute_script("start(...arguments)", self.address, token)

    def shows(self, place: str) -> str:
        return str(self.browser.execute_script("return document.getElementById(arguments[0]).textContent", place))

    def complaints(self) -> str:
        return str(self.browser.get_log("browser"))  # type: ignore[no-untyped-call] # selenium's own


@pytest.fixture
def page(browser: Chrome, edge: int, site: Site, ada: Person) -> Page:
    page = Page(browser, edge)
    page.open(site, ada.token)
    return page


def test_a_page_shows_what_happens_while_it_is_open(
    stack: Stack, ada: Person, page: Page, eventually: Eventually
) -> None:
    eventually(lambda: page.shows("live") == "live")
    launched(stack, ada, "echo", {})
    eventually(lambda: "running" in page.shows("events"))
    assert page.shows("reloads") == "1", "once, when it was opened"


def test_a_page_goes_on_when_the_gateway_was_replaced(
    stack: Stack, ada: Person, page: Page, eventually: Eventually
) -> None:
    eventually(lambda: page.shows("live") == "live")
    stack.restart("gateway")
    launched(stack, ada, "echo", {})
    eventually(lambda: "running" in page.shows("events"))
    assert page.shows("reloads") == "1", "nothing was missed"


def test_a_page_of_another_origin_gets_nothing(page: Page, stranger: Site, ada: Person, eventually: Eventually) -> None:
    page.complaints()
    page.open(stranger, ada.token)
    eventually(lambda: "403" in page.complaints())
    assert page.shows("live") == "not live"


def test_the_program_of_the_guide_runs(stack: Stack, edge: int, ada: Person, eventually: Eventually) -> None:
    instance = launched(stack, ada, "echo", {})
    eventually(lambda: instance.status == "running")
    with following(edge, ada, instance) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == f"following {instance.id}\n"
        instance.ask("stop")
        eventually(lambda: instance.status == "stopped")
        instance.ask("start")
        told = program.stdout.read()
        assert told.splitlines()[-1].startswith("running - ")
        assert program.wait(30) == 0


@contextmanager
def following(edge: int, person: Person, instance: Launched) -> Iterator["subprocess.Popen[str]"]:
    [source] = PYTHON.findall(GUIDE)
    told = {"ADDRESS": f"ws://127.0.0.1:{edge}/v1/realtime", "TOKEN": person.token, "INSTANCE": instance.id}
    environment = {**os.environ, **told, "PYTHONUNBUFFERED": "1"}
    program = subprocess.Popen([sys.executable, "-c", source], env=environment, stdout=subprocess.PIPE, text=True)
    with program:
        yield program
        program.kill()
