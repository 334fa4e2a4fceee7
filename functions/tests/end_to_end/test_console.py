"""The console in a real browser: journeys of people and of administrators, light and dark, wide and narrow."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome, Keys

from functions.tests import browsers
from functions.tests.console_page import AXE, ConsolePage
from functions.tests.test_journey import launched
from testing import people
from testing.factors import enrol
from testing.people import PASSWORD, Person
from testing.stack import Stack


@pytest.fixture(scope="module")
def edge(stack: Stack) -> Iterator[str]:
    with stack.edge():
        yield f"http://localhost:{stack.env.ports.edge}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with browsers.headless() as chrome:
        yield chrome


@pytest.fixture(scope="module")
def ann(stack: Stack) -> Person:
    """Somebody with an instance that runs."""
    ann = people.arrive(stack, stack.env, ("user",))
    launched(stack, ann, "echo", {"prefix": "> "})
    return ann


@pytest.fixture
def page(edge: str, browser: Chrome) -> ConsolePage:
    page = ConsolePage(browser, edge)
    page.look("light")
    return page


def test_the_keyboard_alone_logs_somebody_in_and_nothing_is_kept_where_scripts_find_it(
    page: ConsolePage, ann: Person
) -> None:
    page.find("[name=email]").send_keys(ann.email, Keys.TAB, PASSWORD, Keys.ENTER)
    page.says("What needs you", "Nothing needs you.", "Live")
    assert page.browser.switch_to.active_element.tag_name == "h1"
    assert (page.kept(), page.complaints()) == (0, [])


def test_a_second_factor_is_asked_for(stack: Stack, page: ConsolePage) -> None:
    app = enrol(stack, people.arrive(stack, stack.env, ("user",)))
    page.log_in(app.somebody)
    page.says("Your account has a second factor")
    page.fill(code=app.recovery_codes[0])
    page.press("Go on")
    page.says("Nothing needs you.")


def test_a_wrong_password_is_said(page: ConsolePage, ann: Person) -> None:
    page.fill(email=ann.email, password="not the password")
    page.press("Log in", "main")
    page.says("don't belong together")


def test_what_becomes_of_an_instance_is_seen_as_it_happens(stack: Stack, page: ConsolePage, ann: Person) -> None:
    page.log_in(ann)
    page.press("Instances")
    page.says("echo 1.0.0", "running")
    [instance] = stack.user.get("/v1/instances", token=ann.token).json["items"]
    stack.user.post(f"/v1/instances/{instance['id']}/stop", token=ann.token)
    page.says("stopped")
    stack.user.post(f"/v1/instances/{instance['id']}/start", token=ann.token)
    page.says("running")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_keeps_anybody_from_using_it(page: ConsolePage, ann: Person, scheme: str, width: int) -> None:
    if not AXE.exists():
        pytest.skip("npm could not install axe")
    page.look(scheme, width)
    assert page.faults() == []
    page.log_in(ann)
    for address, text in {"": "Nothing needs you.", "instances": "running", "catalog": "Launch"}.items():
        page.go(address)
        page.says(text)
        assert page.faults() == [], address
        assert page.run("return document.documentElement.scrollWidth") <= width, address
