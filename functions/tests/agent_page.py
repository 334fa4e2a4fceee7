"""The page of the guide that shows an agent, in a browser: what a person does on it, and sees."""

import re
from typing import Final

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from functions.tests.sites import Site
from provisioning.local_settings import ROOT
from testing.people import Person
from tools.harness.proxy import Proxy
from tools.local.wait import until

GUIDE: Final = ROOT / "docs/how-to/show-an-agent-in-a-page.md"
SECONDS: Final = 60

_HTML: Final = re.compile(r"<!-- test: browser -->\n```html\n(.*?)```", re.DOTALL)


def source(api: str) -> str:
    """Return the page, for an installation at this address."""
    [page] = _HTML.findall(GUIDE.read_text())
    assert "http://localhost:8080" in page
    return str(page).replace("http://localhost:8080", api)


class AgentPage:
    """The page, opened by somebody, whose network can be cut."""

    def __init__(self, browser: Chrome, site: Site, edge: int) -> None:
        self.browser = browser
        self.edge = edge
        self.network = Proxy(edge)
        site.page = source(f"http://{self.network.address}")
        self.complaints()
        browser.get(site.origin)

    def submit(self, form: str, **fields: str) -> None:
        """Fill in a form once it can be sent, and send it."""
        place = f"#{form}:not([hidden]) button:not([disabled])"
        until(lambda: self.browser.find_elements(By.CSS_SELECTOR, f"{place}:not([type=button])"), seconds=SECONDS)
        for name, text in fields.items():
            field = self.browser.find_element(By.CSS_SELECTOR, f"#{form} [name={name}]")
            field.clear()
            field.send_keys(text)
        self.browser.find_element(By.CSS_SELECTOR, f"{place}:not([type=button])").click()

    def sign_in(self, person: Person) -> None:
        self.submit("login", email=person.email, password=person.password)

    def said(self, kind: str) -> list[str]:
        """Return the lines of a kind: `you`, `agent` or `tool`."""
        return [each.text.rstrip() for each in self.browser.find_elements(By.CSS_SELECTOR, f"#said .{kind}")]

    def waits_for(self, state: str) -> None:
        """Wait until the page says so."""
        now = self.browser.find_element(By.ID, "state")
        assert until(lambda: state in now.text, seconds=SECONDS), (state, now.text, self.complaints())

    def cancel(self) -> None:
        until(self.browser.find_element(By.ID, "cancel").is_enabled, seconds=SECONDS)
        self.browser.find_element(By.ID, "cancel").click()

    def connect_again(self) -> None:
        """Have a network at the same address again, after it was closed."""
        self.network = Proxy(self.edge, listen=int(self.network.address.rpartition(":")[2]))

    def complaints(self) -> list[str]:
        """Return what the browser has complained of since this was last asked."""
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call] # selenium's own
