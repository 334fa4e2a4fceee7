"""`botberi login` and what follows, by the device flow: the browser is a function, and nobody waits."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli import kept_sessions, login
from cli.__main__ import botberi
from testing import people, serving
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


@pytest.fixture(scope="module")
def address(env: Environment) -> Iterator[str]:
    with serving.every_function() as address:
        yield address


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of somebody's configuration, in which nothing is."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def ann(person: Callable[..., Person]) -> Person:
    return person()


class Browser:
    """Decides of a code, once it is opened and when the command has waited often enough."""

    def __init__(self, api: Api, somebody: Person, decision: str = "approve", *, after: int = 0) -> None:
        self.api, self.somebody, self.decision, self.left = api, somebody, decision, after
        self.code = ""
        self.waited: list[float] = []

    def open(self, url: str) -> None:
        self.code = urlsplit(url).fragment.removeprefix("user_code=")

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        if self.left == 0:
            told = {"user_code": self.code, "decision": self.decision}
            token = people.logged_in(self.somebody)
            assert self.api.user.post("/v1/auth/device/approve", json=told, token=token).status_code == 200
        self.left -= 1


@pytest.fixture
def browse(api: Api, ann: Person, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Browser]:
    def of(decision: str = "approve", *, after: int = 0) -> Browser:
        browser = Browser(api, ann, decision, after=after)
        monkeypatch.setattr(click, "launch", browser.open)
        monkeypatch.setattr(login, "wait", browser.wait)
        return browser

    return of


def run(command: str, address: str, *, ends_with: int = 0) -> str:
    done = CliRunner().invoke(botberi, [command, "--api", address])
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.output


def test_somebody_logs_in_is_who_they_are_and_logs_out(
    api: Api, address: str, folder: Path, ann: Person, browse: Callable[..., Browser]
) -> None:
    browser = browse()
    told = run("login", address)
    assert browser.code in told
    assert f"You are logged in as {ann.email}." in told
    assert "http" in told
    [kept] = folder.rglob("*.json")
    assert kept == folder / "botberi" / "sessions.json"
    assert [oct(each.stat().st_mode)[-3:] for each in (kept, kept.parent)] == ["600", "700"]
    assert run("whoami", address) == f"{ann.email} ({ann.id}) at {address}\n"
    token = run("access-token", address).strip()
    [session] = [
        each
        for each in api.user.get("/v1/me/sessions", token=ann.token).json["items"]
        if "botberi on" in each["device"]
    ]
    assert api.user.get("/v1/me", token=token).json["id"] == ann.id
    assert run("logout", address) == "You are logged out.\n"
    assert session["id"] not in str(api.user.get("/v1/me/sessions", token=ann.token).json)
    assert json.loads(kept.read_text()) == {}
    assert "You weren't logged in." in run("logout", address)
    assert f"You aren't logged in at {address}" in run("whoami", address, ends_with=1)


def test_it_waits_until_the_code_is_approved_and_longer_where_it_is_asked_to(
    address: str, ann: Person, browse: Callable[..., Browser]
) -> None:
    browser = browse(after=2)
    assert ann.email in run("login", address)
    # The first question was answered "not yet", and the second came too soon.
    assert browser.waited == [5, 5, 10]


def test_what_is_denied_is_said_and_nothing_kept(address: str, folder: Path, browse: Callable[..., Browser]) -> None:
    browse("deny")
    assert "denied" in run("login", address, ends_with=1)
    assert not folder.exists()


def test_a_token_that_ends_soon_is_replaced(
    address: str, browse: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> str:
        run("access-token", address)
        return str(json.loads(kept_sessions.file().read_text())[address]["refresh_token"])

    browse()
    run("login", address)
    before = kept()
    assert kept() == before
    later = time.time() + 580
    monkeypatch.setattr(kept_sessions, "now", lambda: later)
    replaced = kept()
    assert replaced != before
    assert kept() == replaced


@pytest.mark.parametrize("command", ["logout", "whoami"])
@pytest.mark.parametrize("seconds", [0, 580])
def test_a_session_that_was_ended_is_forgotten(
    env: Environment,
    address: str,
    ann: Person,
    browse: Callable[..., Browser],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    seconds: int,
) -> None:
    browse()
    run("login", address)
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update sessions set revoked_at = now() where account_id = :id"), {"id": ann.id})
    later = time.time() + seconds
    monkeypatch.setattr(kept_sessions, "now", lambda: later)
    told = run(command, address, ends_with=0 if command == "logout" else 1)
    assert ("You are logged out." if command == "logout" else "run `botberi login") in told
    assert not kept_sessions.is_kept(address)


def test_each_address_has_a_session_of_its_own(address: str, ann: Person, browse: Callable[..., Browser]) -> None:
    browse()
    run("login", address)
    other = address.replace("127.0.0.1", "localhost")
    assert "You aren't logged in" in run("whoami", other, ends_with=1)
    assert ann.email in run("whoami", f"{address}/")


def test_a_file_that_is_none_of_ours_is_said_to_be_and_left(address: str) -> None:
    kept_sessions.file().parent.mkdir(parents=True)
    kept_sessions.file().write_text("[]")
    assert "isn't as this command writes it" in run("whoami", address, ends_with=1)
    assert kept_sessions.file().read_text() == "[]"
