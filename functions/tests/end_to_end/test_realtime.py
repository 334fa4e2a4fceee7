"""Events as people see them happen: through the edge, from the request of one to the page of another."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from selenium.webdriver import Chrome
from websockets.exceptions import InvalidStatus

from functions.services.realtime.tests.tabs import Tab, cloudevent, connection
from functions.tests import sites
from functions.tests.agent_page import AgentPage
from functions.tests.end_to_end.test_documents import PYTHON
from functions.tests.sites import Site
from functions.tests.test_journey import launched
from provisioning.local_settings import ROOT
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


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with sites.serving(PAGE.replace("SCRIPT", SCRIPT.findall(GUIDE)[0])) as site:
        yield site


@pytest.fixture(scope="module")
def stranger(site: Site) -> Iterator[Site]:
    with sites.serving(site.page) as stranger:
        yield stranger


@pytest.fixture(scope="module")
def site_of_agent() -> Iterator[Site]:
    with sites.serving("") as site:
        yield site


@pytest.fixture(scope="module")
def edge(stack: Stack, site: Site, site_of_agent: Site) -> Iterator[int]:
    with stack.edge(EDGE_CORS_ORIGINS=f"{site.origin} {site_of_agent.origin}"):
        yield stack.env.ports.edge


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


WORDS: Final = " ".join(f"word-{number}" for number in range(60))
PLACES: Final = {
    "places": [
        {"name": "the museum", "interest": "art", "about": WORDS},
        {"name": "the harbour", "interest": "food", "about": "It smells of fish."},
    ],
    "seconds_per_word": 0.05,
}


@pytest.fixture
def agent(browser: Chrome, edge: int, site_of_agent: Site, ada: Person) -> Iterator[AgentPage]:
    page = AgentPage(browser, site_of_agent, edge)
    page.sign_in(ada)
    page.submit("launch", config=json.dumps(PLACES))
    yield page
    page.network.close()


def test_a_page_that_is_cut_off_shows_every_word_of_a_reply_once(agent: AgentPage, eventually: Eventually) -> None:
    agent.submit("talk", text="Art, please")
    eventually(lambda: "word-3" in agent.said("agent")[-1:][0] if agent.said("agent") else False)
    agent.network.close()
    agent.waits_for("The connection was lost")
    [half] = agent.said("agent")
    agent.connect_again()
    agent.waits_for("The agent has answered")
    assert "word-59" not in half
    assert agent.said("agent") == [f"Go to the museum. {WORDS}"]
    assert agent.said("tool") == ['find_places {"interest":"art"}']
    assert all("net::ERR_" in each for each in agent.complaints())


def test_on_a_page_an_agent_asks_is_answered_and_is_cancelled(agent: AgentPage, eventually: Eventually) -> None:
    agent.submit("talk", text="Where to?")
    agent.waits_for("The agent asks for something")
    # As when ten minutes have gone by: the next request asks for new tokens first.
    before = agent.browser.execute_script("session.until = 0; return session.access_token")
    agent.submit("talk", text="food")
    agent.waits_for("The agent has answered")
    assert agent.said("agent") == ["What do you like: art, food?", "Go to the harbour. It smells of fish."]
    assert agent.browser.execute_script("return session.access_token") != before
    agent.submit("talk", text="Then art")
    eventually(lambda: "word-3" in agent.said("agent")[-1])
    agent.cancel()
    agent.waits_for("It was cancelled, as its owner asked")
    assert "word-59" not in agent.said("agent")[-1]
    assert agent.complaints() == []


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
