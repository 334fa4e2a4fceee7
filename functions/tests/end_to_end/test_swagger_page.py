"""The Swagger page, in a real browser: log in through it and list agents."""

from collections.abc import Callable

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from testing.people import Person
from testing.stack import Stack

SECONDS = 30


class Page:
    """An API's Swagger page."""

    def __init__(self, browser: Chrome, port: int) -> None:
        self.browser = browser
        # What it complained of on the page before is of no interest here.
        self.complaints()
        browser.get(f"http://127.0.0.1:{port}/docs")
        self.find(".info .title")

    def find(self, css: str) -> WebElement:
        return WebDriverWait(self.browser, SECONDS).until(lambda chrome: chrome.find_element(By.CSS_SELECTOR, css))

    def open(self, operation: str) -> str:
        """Unfold an operation and return the selector of its block."""
        block = f"[id$='-{operation}']"
        self.find(f"{block} .opblock-summary-control").click()
        self.find(f"{block} .btn.execute")
        return block

    def execute(self, block: str) -> str:
        """Press Execute until there is an answer; return its status.

        Swagger UI shows the button a moment before it has resolved the document, and does nothing until then.
        """
        status = f"{block} .live-responses-table tbody .response-col_status"

        def answered(chrome: Chrome) -> WebElement:
            found = chrome.find_elements(By.CSS_SELECTOR, status)
            if not found:
                chrome.execute_script("arguments[0].click()", self.find(f"{block} .btn.execute"))
            return chrome.find_element(By.CSS_SELECTOR, status)

        return WebDriverWait(self.browser, SECONDS, poll_frequency=1).until(answered).text.split()[0]

    def answered(self, block: str) -> str:
        return self.find(f"{block} .live-responses-table .highlight-code, {block} .live-responses-table pre").text

    def fill(self, block: str, text: str) -> None:
        """Paste a text: for each key that is pressed the page is made anew, which takes as long as its document is."""
        area = self.find(f"{block} textarea.body-param__text")
        paste = "arguments[0].select(); document.execCommand('insertText', false, arguments[1])"
        self.browser.execute_script(paste, area, text)
        assert area.get_property("value") == text

    def complaints(self) -> list[str]:
        """Return what the browser complains of, refused scripts and missing files among it."""
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call] # selenium's own


def nothing_is_refused_or_missing(page: Page) -> None:
    assert page.find(".info .title").text.startswith("Botberi")
    assert page.complaints() == []
    assert page.browser.execute_script("return document.querySelectorAll('.errors-wrapper').length") == 0


# The document is large, and a browser takes seconds of a processor to show it: it is opened once for all of this.
def test_one_can_list_agents_with_the_example_as_it_stands_and_log_in_and_then_ask_as_oneself(
    browser: Chrome, stack: Stack, person: Callable[..., Person]
) -> None:
    somebody = person()
    page = Page(browser, stack.env.ports.user)
    nothing_is_refused_or_missing(page)
    agents = page.open("list_agents")
    assert page.execute(agents) == "200"
    assert '"faq"' in page.answered(agents)
    login = page.open("login")
    page.fill(login, f'{{"email": "{somebody.email}", "password": "{somebody.password}"}}')
    assert page.execute(login) == "200"
    me = page.open("read_me")
    assert page.execute(me) == "200"
    assert somebody.id in page.answered(me)


@pytest.mark.parametrize("api_name", ["admin", "broker"])
def test_nothing_on_the_page_is_refused_or_missing(browser: Chrome, stack: Stack, api_name: str) -> None:
    nothing_is_refused_or_missing(Page(browser, getattr(stack.env.ports, api_name)))


@pytest.mark.parametrize(
    "path", ["/docs/other.js", "/docs/../init.js", "/docs/%2e%2e/%2e%2e/docs_page.py", "/docs/index.html"]
)
def test_other_files_are_not_served(stack: Stack, path: str) -> None:
    answer = stack.user.get(path)
    assert (answer.status_code, answer.code) == (404, "route_not_found")
