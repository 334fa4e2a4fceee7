"""The console in a real browser: journeys of people and of administrators, light and dark, wide and narrow."""

from collections.abc import Iterator

import pyotp
import pytest
from selenium.webdriver import Chrome, Keys

from functions.tests import browsers
from functions.tests.console_page import AXE, SECONDS, ConsolePage
from functions.tests.test_journey import launched
from testing import people
from testing.factors import enrol
from testing.people import PASSWORD, Person
from testing.stack import Stack
from tools.local.wait import until


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
    [instance] = stack.user.get("/v1/instances?agent=echo", token=ann.token).json["items"]
    stack.user.post(f"/v1/instances/{instance['id']}/stop", token=ann.token)
    page.says("stopped")
    stack.user.post(f"/v1/instances/{instance['id']}/start", token=ann.token)
    page.says("running")


def test_an_agent_is_launched_by_a_form_and_a_broken_one_is_said_beside_its_field(
    page: ConsolePage, stack: Stack
) -> None:
    page.log_in(people.arrive(stack, stack.env, ("user",)))
    page.press("Catalog")
    page.press("Launch FAQ")
    page.label("Question", "When are you open?")
    page.label("Answer", "From nine to five.")
    page.fill(labels="Team=support")
    page.press("Launch", "form")
    page.find(".note.bad")
    page.fill(labels="team=support")
    page.press("Launch", "form")
    page.says("The agent answers.", "team=support")


def test_talking_goes_on_after_a_reload_and_a_question_is_answered_by_a_form(
    stack: Stack, page: ConsolePage, ann: Person
) -> None:
    instance = launched(stack, ann, "guide", {"seconds_per_word": 0})
    assert until(lambda: instance.status == "running", seconds=SECONDS)
    page.log_in(ann)
    page.says("What needs you")
    page.go("instances", instance.id, "talk")
    page.fill(text="Hello")
    page.press("Send")
    page.says("input required")
    page.browser.refresh()
    page.log_in(ann)
    page.says("The agent asks")
    page.choose("Answer", "food")
    page.press("Answer", "main form[aria-label=Answer]")
    page.says("Go to the old harbour.")
    assert page.complaints() == []


def test_an_app_is_added_and_what_wants_two_factors_asks_for_them_and_goes_on(stack: Stack, page: ConsolePage) -> None:
    somebody = people.arrive(stack, stack.env, ("user",))
    page.log_in(somebody)
    page.press("Account")
    page.press("Second factors")
    page.press("Add an app")
    assert page.run("return arguments[0].naturalWidth > 0", page.find("img.qr"))
    page.fill(code=pyotp.TOTP(page.find(".card code").text).now())
    page.press("Confirm")
    codes = page.find(".once").text.split()
    page.press("I have kept it")
    page.press("Get other recovery codes")
    page.says("This needs a second factor")
    page.fill_in("dialog", password=PASSWORD)
    page.press("Log in", "dialog")
    page.fill_in("dialog", code=codes[0])
    page.press("Go on", "dialog")
    assert len(page.find(".once").text.split()) == len(codes)
    # Another log-in took the place of the one before, which is as good as gone.
    page.press("Sessions")
    page.says("this page")


def test_a_key_is_shown_once(page: ConsolePage, stack: Stack) -> None:
    page.log_in(people.arrive(stack, stack.env, ("user",)))
    page.says("Nothing needs you.")
    page.go("account", "keys")
    page.fill(name="Nightly build")
    page.press("Make a key")
    key = page.find(".once").text
    assert key.startswith("bbk_")
    page.press("I have kept it")
    page.says("Nightly build")
    assert key not in page.text


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_keeps_anybody_from_using_it(
    stack: Stack, page: ConsolePage, ann: Person, scheme: str, width: int
) -> None:
    if not AXE.exists():
        pytest.skip("npm could not install axe")
    page.look(scheme, width)
    assert page.faults() == []
    page.log_in(ann)
    [instance] = stack.user.get("/v1/instances?agent=echo", token=ann.token).json["items"]
    pages = {
        "": "needs you",
        "instances": "running",
        f"instances/{instance['id']}": "What happened",
        f"instances/{instance['id']}/talk": "Message",
        f"instances/{instance['id']}/logs": "Show",
        f"instances/{instance['id']}/settings": "Prefix",
        f"instances/{instance['id']}/budget": "no limit",
        "catalog": "Launch",
        "catalog/faq": "Versions",
        "catalog/faq/1.0.0": "What its configuration has to be",
        "launch/faq": "Add question",
        "usage": "Budget of the account",
        "account": "Password",
        "account/sessions": "Last seen",
        "account/factors": "Passkeys",
        "account/keys": "Make one",
    }
    for address, text in pages.items():
        page.go(address)
        page.says(text)
        assert page.faults() == [], address
        assert page.run("return document.documentElement.scrollWidth") <= width, address
