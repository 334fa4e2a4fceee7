"""The console in a real browser: journeys of people and of administrators, light and dark, wide and narrow."""

import base64
import gzip
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pyotp
import pytest
from selenium.webdriver import Chrome, Keys

from functions.domain.approvals import approvals
from functions.domain.approvals.approvals import Asked
from functions.domain.catalog import bundles
from functions.domain.databases import SharedDb
from functions.tests import browsers
from functions.tests.console_page import AXE, SECONDS, ConsolePage
from functions.tests.test_journey import launched
from testing import launches, people
from testing.factors import App, enrol
from testing.people import PASSWORD, Person
from testing.stack import Stack
from tools.local.wait import until

OLD: Final = {"type": "object", "properties": {"prefix": {"type": "string"}}}
NEW: Final = {"type": "object", "properties": {"prefix": {"type": "string"}, "loud": {"type": "boolean"}}}


@pytest.fixture(scope="module")
def edge(stack: Stack) -> Iterator[str]:
    with stack.edge():
        yield f"http://localhost:{stack.env.ports.edge}"


@pytest.fixture(scope="module")
def ann(stack: Stack) -> Person:
    """Somebody with an instance that runs."""
    ann = people.arrive(stack, stack.env, ("user",))
    instance = launched(stack, ann, "echo", {"prefix": "> "})
    assert until(lambda: instance.status == "running", seconds=SECONDS)
    assert instance.say("Good morning").json["text"] == "> Good morning"
    return ann


@pytest.fixture(scope="module")
def boss(stack: Stack) -> App:
    """An administrator, with a second factor as their changes need it."""
    return enrol(stack, people.arrive(stack, stack.env, ("user", "admin", "broker")))


@pytest.fixture(scope="module")
def agent(stack: Stack, boss: App, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An agent with two versions, of which the newer takes more settings."""
    folder = tmp_path_factory.mktemp("agent")
    slug = launches.publish(stack.env, folder, schema=OLD)
    bundle = base64.b64encode(bundles.bundle(folder / slug)).decode()
    version = {"number": "1.1.0", "changelog": "It can be loud.", "config_schema": NEW, "bundle": bundle}
    made = stack.admin.post(f"/v1/admin/agents/{slug}/versions", token=people.logged_in(boss.somebody), json=version)
    assert made.status_code == 201, made.text
    return slug


def come_in(page: ConsolePage, app: App, code: int) -> None:
    """Log in with a recovery code, of which each is good once: an app's is, too, and another takes half a minute."""
    page.log_in(app.somebody)
    page.fill(code=app.recovery_codes[code])
    page.press("Go on")
    page.find("#main")


@pytest.fixture
def page(edge: str, browser: Chrome) -> Iterator[ConsolePage]:
    page = ConsolePage(browser, edge)
    page.look("light")
    yield page
    page.look_away()


def test_the_keyboard_alone_logs_somebody_in_and_a_reload_leaves_them_there(page: ConsolePage, ann: Person) -> None:
    page.find("[name=email]").send_keys(ann.email, Keys.TAB, PASSWORD, Keys.ENTER)
    page.says("What needs you", "Nothing needs you.", "Live")
    assert page.browser.switch_to.active_element.tag_name == "h1"
    page.go("account", "sessions")
    page.says("this page")
    page.browser.refresh()
    page.says("this page", "Live")
    assert (page.kept(), page.complaints()) == (0, [])
    page.press("Log out", "nav")
    page.says("Forgotten the password?")
    page.browser.refresh()
    page.says("Forgotten the password?")
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
    page.says("What needs you")
    page.go("launch", "faq")
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
    page.says("The agent asks")
    page.press("What needs you")
    page.says("Agents that ask for something")
    page.press("Answer", "main")
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


def test_a_passkey_is_added_and_logs_somebody_in_without_the_password(page: ConsolePage, stack: Stack) -> None:
    with browsers.authenticator(page.browser):
        somebody = people.arrive(stack, stack.env, ("user",))
        page.log_in(somebody)
        page.says("Nothing needs you.")
        page.go("account", "factors")
        page.fill(name="This computer")
        page.press("Add a passkey")
        page.press("I have kept it")
        page.says("This computer")
        page.press("Log out", "nav")
        page.press("Use a passkey")
        page.says(somebody.email)
        assert page.complaints() == []


def test_somebody_takes_their_data_along_leaves_and_has_the_account_back(page: ConsolePage, stack: Stack) -> None:
    somebody = people.arrive(stack, stack.env, ("user",))
    page.log_in(somebody)
    page.says("Nothing needs you.")
    page.go("account", "history")
    page.says("login", "you")
    page.go("account", "data")
    page.press("Ask for it")
    page.press("Save it")
    # The address of the API is another one here than that of the page, where a link leads to nothing.
    assert until(lambda: "/content?" in page.browser.current_url, seconds=SECONDS)
    link = urlsplit(page.browser.current_url)
    content = stack.user.get(f"{link.path}?{link.query}").content
    assert somebody.email in gzip.decompress(content).decode()
    page.browser.get(f"{page.address}#/account/data")
    page.press("Delete the account")
    page.fill_in("dialog", email=somebody.email)
    page.press("Delete it", "dialog")
    page.says("Your account is deleted")
    page.press("Good")
    page.log_in(somebody)
    page.says("This account is deleted.")
    page.press("Have the account back")
    page.says("What needs you", somebody.email)


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


def test_an_administrator_acts_with_a_reason_and_the_owner_reads_it(
    stack: Stack, page: ConsolePage, ann: Person, boss: App
) -> None:
    instance = launched(stack, ann, "echo", {"prefix": "> "})
    come_in(page, boss, 0)
    page.press("All instances")
    page.choose("Status", "running")
    page.go("admin", "instances", instance.id)
    page.press("Quarantine")
    page.fill_in("dialog", reason="It sends thousands of mails.")
    page.press("Quarantine", "dialog")
    page.says("Put into quarantine", "It sends thousands of mails.")
    assert until(lambda: instance.status == "stopped", seconds=SECONDS)
    assert "It sends thousands of mails." in str(instance.history())
    page.go("admin", "why", instance.id)
    page.says("What led to it", "It sends thousands of mails.")
    page.go("admin", "audit")
    page.says("quarantine_instance", instance.id[:12])
    page.go("admin", "instances", instance.id)
    page.press("Release")
    page.fill_in("dialog", reason="They have mended it.")
    page.press("Release", "dialog")
    page.says("Release: asked for.")
    instance.ask("delete")
    assert page.complaints() == []


def test_somebody_is_suspended_and_restored(stack: Stack, page: ConsolePage, boss: App) -> None:
    somebody = people.arrive(stack, stack.env, ("user",))
    come_in(page, boss, 1)
    page.press("Users")
    page.fill(email=somebody.email)
    page.press("Show")
    page.press(somebody.email)
    page.press("Suspend")
    page.fill_in("dialog", reason="They were asked for by the police.")
    page.press("Suspend", "dialog")
    page.says("suspended")
    page.press("Restore")
    page.fill_in("dialog", reason="It was somebody else.")
    page.press("Restore", "dialog")
    page.says("verified")
    page.press("Act for them")
    page.fill_in("dialog", reason="They can't find their instance.")
    page.press("Act for them", "dialog")
    page.says(f"You act for {somebody.email}", "You can look, and change nothing.", "Nothing needs you.")
    seen(page, "acting")
    page.press("Stop acting for them")
    page.says("Curate the catalog", boss.somebody.email)
    assert stack.user.post("/v1/auth/login", json={"email": somebody.email, "password": PASSWORD}).status_code == 200


def test_an_account_is_kept_from_running_anything_until_it_may_again(
    stack: Stack, page: ConsolePage, boss: App
) -> None:
    # Those of tests before, on accounts that they suspended.
    stack.env.forget_kill_switches()
    somebody = people.arrive(stack, stack.env, ("user",))
    come_in(page, boss, 6)
    page.press("Kill switches")
    page.says("None is engaged")
    page.press("Engage one")
    page.fill_in("dialog", target=somebody.id, reason="It sends thousands of mails.")
    page.press("Engage it", "dialog")
    page.says("It sends thousands of mails.")
    seen(page, "switches")
    wanted = {"agent": "echo", "name": "Mine", "config": {"prefix": ""}}
    told = stack.user.post("/v1/instances", json=wanted, token=somebody.token)
    assert (told.status_code, "It sends thousands of mails." in told.text) == (409, True)
    page.press("Release")
    page.fill_in("dialog", reason="They have mended it.")
    page.press("Release it", "dialog")
    page.says("None is engaged")
    page.press("Jobs")
    page.says("What the queues say")


def test_what_another_administrator_has_asked_for_is_rejected_or_done(
    stack: Stack, page: ConsolePage, boss: App
) -> None:
    instance = launched(stack, people.arrive(stack, stack.env, ("user",)), "echo", {"prefix": "> "})
    other = people.arrive(stack, stack.env, ("user", "admin"))
    asked = Asked("force_delete_instance", {"instance_id": instance.id}, instance.id, "Its host is gone for good.")
    with stack.env.transaction("shared_psql", "admin") as db:
        approvals.request(SharedDb(db), other.id, asked)
    come_in(page, boss, 8)
    page.press("Approvals")
    page.says("force delete instance", "Its host is gone for good.")
    page.press("Reject")
    page.fill_in("dialog", reason="It may come back.")
    page.press("Reject it", "dialog")
    page.says("Nothing waits for a second administrator.")
    with stack.env.transaction("shared_psql", "admin") as db:
        approvals.request(SharedDb(db), other.id, asked)
    page.press("Approve")
    page.fill_in("dialog", reason="It does not come back.")
    page.press("Approve it", "dialog")
    page.says("Nothing waits for a second administrator.")
    page.choose("State", "decided")
    page.says("approved", "rejected", "It may come back.")
    seen(page, "approvals")
    assert until(lambda: instance.status in {"deleting", "deleted"}, seconds=SECONDS)


def test_the_trail_is_verified_and_saved_as_a_whole(page: ConsolePage, boss: App, tmp_path: Path) -> None:
    page.save_into(tmp_path)
    come_in(page, boss, 7)
    page.press("Audit")
    page.press("Verify and export")
    for database in ("user_psql", "shared_psql"):
        page.press(f"Verify {database}")
        page.says(f"{database} is what it was.")
    seen(page, "proof")
    page.press("Export")
    page.says("the file's end says that these are all")
    [file] = until(lambda: list(tmp_path.glob("audit-user-psql.ndjson")), seconds=SECONDS) or []
    *entries, end = map(json.loads, file.read_text().splitlines())
    assert (end["end"], end["count"]) == (True, len(entries))


def test_what_versions_differ_by_is_shown_and_a_channel_is_moved(page: ConsolePage, boss: App, agent: str) -> None:
    come_in(page, boss, 2)
    page.press("Curate the catalog")
    page.press(agent)
    page.says('+     "loud": {')
    page.press("Move it")
    page.choose("Version", "1.0.0")
    page.fill(reason="It is too loud.")
    page.find("[name=force]").click()
    page.press("See what it would do")
    page.says("1.1.0: 100 % → 0 %. No instance is of it.", "Nothing has changed yet.")
    seen(page, "move-channel")
    page.press("Move it", "main form:has([name=percent])")
    page.says("1.1.0 → 1.0.0")
    page.press("Yank 1.1.0")
    page.says("Nobody can launch it; what runs of it goes on. No instance is of it.")
    page.press("Leave it", "dialog")
    page.fill(rank="7")
    page.press("Show it first")
    page.says("in place 7")
    page.press("Show it first no more")
    page.find("[aria-label='Show it first']")


def test_what_happens_to_everybody_is_counted_as_it_happens(stack: Stack, page: ConsolePage, boss: App) -> None:
    come_in(page, boss, 3)
    page.press("Overview")
    page.says("What needs attention", "Events of user_psql")
    somebody = people.arrive(stack, stack.env, ("user",))
    stack.user.post("/v1/auth/logout", token=somebody.token)
    page.says("session.revoked")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_nothing_keeps_anybody_from_using_it(
    stack: Stack, page: ConsolePage, ann: Person, boss: App, agent: str, scheme: str, width: int
) -> None:
    if not AXE.exists():
        pytest.skip("npm could not install axe")
    page.look(scheme, width)
    assert page.faults() == []
    picture(page, "log-in", scheme)
    page.log_in(ann)
    [instance] = stack.user.get("/v1/instances?agent=echo", token=ann.token).json["items"]
    one = f"instances/{instance['id']}"
    of_people = {
        "needs-you": ("", "needs you"),
        "instances": ("instances", "running"),
        "instance": (one, "What happened"),
        "talk": (f"{one}/talk", "Good morning"),
        "log": (f"{one}/logs", "Show"),
        "settings": (f"{one}/settings", "Prefix"),
        "budget": (f"{one}/budget", "no limit"),
        "catalog": ("catalog", "Launch"),
        "agent": ("catalog/faq", "Versions"),
        "version": ("catalog/faq/1.0.0", "What its configuration has to be"),
        "launch": ("launch/faq", "Add question"),
        "usage": ("usage", "Budget of the account"),
        "profile": ("account", "Password"),
        "sessions": ("account/sessions", "Last seen"),
        "factors": ("account/factors", "Passkeys"),
        "keys": ("account/keys", "Make one"),
        "providers": ("account/providers", "There are no providers here."),
        "history": ("account/history", "login"),
        "data": ("account/data", "Take it along"),
    }
    stand(page, of_people, scheme, width)
    page.log_out()
    come_in(page, boss, 4 + (scheme == "dark"))
    of_administrators = {
        "overview": ("admin", "What needs attention"),
        "all-instances": ("admin/instances", "Trouble"),
        "any-instance": (f"admin/{one}", "Force-delete"),
        "runs-of-any-instance": (f"admin/{one}/runs", "completed"),
        "all-runs": ("admin/runs", "Trouble"),
        "users": ("admin/accounts", "May do"),
        "user": (f"admin/accounts/{ann.id}", "Give it limits of its own"),
        "curate": ("admin/agents", "Listed"),
        "curate-agent": (f"admin/agents/{agent}", "What configurations differ by"),
        "add-agent": ("admin/agents/new", "Slug"),
        "publish": (f"admin/agents/{agent}/publish", "The newest is"),
        "event-path": ("admin/events", "Dead letters"),
        "why": (f"admin/why/{instance['id']}", "What led to it"),
        "jobs": ("admin/jobs", "What the rows say"),
        "no-switches": ("admin/switches?engaged=all", "What they do"),
        "audit": ("admin/audit", "verify_mfa"),
        "no-proof": ("admin/audit/proof", "All of it as a file"),
        "no-approvals": ("admin/approvals?state=all", "State"),
    }
    stand(page, of_administrators, scheme, width)


def seen(page: ConsolePage, name: str) -> None:
    """Have what a page shows while something is done on it looked at, too."""
    if AXE.exists():
        assert page.faults() == []
    picture(page, name, "light")


def stand(page: ConsolePage, pages: Mapping[str, tuple[str, str]], scheme: str, width: int) -> None:
    """Have each page looked at by axe, once it shows a text, and see that it fits."""
    for name, (address, text) in pages.items():
        page.go(address)
        page.says(text)
        assert page.faults() == [], address
        assert page.run("return document.documentElement.scrollWidth") <= width, address
        picture(page, name, scheme)


NARROW: Final = {"log-in", "needs-you", "talk", "launch", "overview", "any-instance", "curate-agent", "audit"}
"""Pages that there are pictures of on a phone in the dark, too."""


def picture(page: ConsolePage, name: str, scheme: str) -> None:
    """Take a picture where `make console-pictures` wants one."""
    folder = os.environ.get("PICTURES")
    if folder and not name.startswith("no-") and (scheme == "light" or name in NARROW):
        page.save(Path(folder) / f"{name}-{scheme}.png")
