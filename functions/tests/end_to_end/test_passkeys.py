"""Passkeys as people use them: in a browser with an authenticator, on the page of somebody's application."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from selenium.webdriver import Chrome

from functions.domain.accounts import webauthn
from functions.tests import browsers, sites
from functions.tests.sites import Site
from provisioning.local_settings import ROOT
from testing import people
from testing.people import Person
from testing.stack import Stack

SCRIPT = re.compile(r"<!-- test: browser -->\n```js\n(.*?)```", re.DOTALL)
RUN = """
const done = arguments[arguments.length - 1];
CALL.then((value) => done({ value }), (error) => done({ error: error.code || error.name, name: error.name }));
"""


def origin(site: Site) -> str:
    """Return where a site is for a browser: a passkey belongs to a name, and not to an address."""
    return f"http://localhost:{site.server_port}"


@pytest.fixture(scope="module")
def page() -> str:
    """An application's page, as the documentation has it."""
    [script] = SCRIPT.findall((ROOT / "docs/architecture/accounts.md").read_text())
    return f"<!doctype html><title>Passkeys</title><script>{script}</script>"


@pytest.fixture(scope="module")
def site(page: str) -> Iterator[Site]:
    with sites.serving(page) as site:
        yield site


@pytest.fixture(scope="module")
def stranger(page: str) -> Iterator[Site]:
    with sites.serving(page) as site:
        yield site


@pytest.fixture(scope="module")
def api(stack: Stack, site: Site, stranger: Site) -> Iterator[str]:
    """The product behind its edge, which takes passkeys from the one page, and is called by both."""
    stack.restart("host", **{webauthn.ORIGINS_SETTING: origin(site)})
    try:
        with stack.edge(EDGE_CORS_ORIGINS=f"{origin(site)} {origin(stranger)}") as address:
            for each in (site, stranger):
                assert "http://localhost:8080" in each.page
                each.page = each.page.replace("http://localhost:8080", address)
            yield address
    finally:
        stack.restart("host")


@pytest.fixture
def browser(browser: Chrome, api: str, site: Site) -> Iterator[Chrome]:
    """The browser on the page, with an authenticator that asks for a finger."""
    with browsers.authenticator(browser):
        browser.get(origin(site))
        yield browser


@pytest.fixture
def ann(stack: Stack, api: str) -> Person:
    return people.arrive(stack, stack.env, ("user",))


def call(browser: Chrome, function: str, *arguments: str) -> dict[str, Any]:
    """Return what a function of the page comes to: its `value`, or its `error`."""
    told = f"{function}({', '.join(map(json.dumps, arguments))})"
    return dict(browser.execute_async_script(RUN.replace("CALL", told)))


def said(pair: dict[str, Any]) -> dict[str, Any]:
    return dict(jwt.decode(pair["value"]["access_token"], options={"verify_signature": False}))


def test_somebody_adds_a_passkey_and_logs_in_with_it_alone_and_after_the_password(
    stack: Stack, browser: Chrome, ann: Person
) -> None:
    assert said(call(browser, "logInWithPassword", ann.email, ann.password))["acr"] == "aal1"
    added = call(browser, "addPasskey", ann.token, "This computer")["value"]
    assert (added["name"], len(added["recovery_codes"]), added["backed_up"]) == ("This computer", 10, False)
    for pair in (call(browser, "logIn"), call(browser, "logInWithPassword", ann.email, ann.password)):
        assert (said(pair)["sub"], said(pair)["acr"]) == (ann.id, "aal2")
    strong = pair["value"]["access_token"]
    [passkey] = stack.user.get("/v1/me/passkeys", token=strong).json["items"]
    assert passkey["last_used_at"] > passkey["created_at"]
    # The same authenticator is told that it has one.
    assert call(browser, "addPasskey", strong, "Again")["name"] == "InvalidStateError"
    assert stack.user.delete(f"/v1/me/passkeys/{passkey['id']}", token=strong).status_code == 204
    assert call(browser, "logIn")["error"] == "passkey_wrong"
    assert said(call(browser, "logInWithPassword", ann.email, ann.password))["acr"] == "aal1"


def test_a_page_of_another_origin_opens_nothing(browser: Chrome, ann: Person, stranger: Site) -> None:
    assert "value" in call(browser, "addPasskey", ann.token, "This computer")
    browser.get(origin(stranger))
    assert call(browser, "logIn")["error"] == "passkey_wrong"
    assert call(browser, "logInWithPassword", ann.email, ann.password)["error"] == "passkey_wrong"


def test_whoever_is_not_verified_by_the_authenticator_signs_nothing(browser: Chrome, ann: Person) -> None:
    assert "value" in call(browser, "addPasskey", ann.token, "This computer")
    browser.set_user_verified(False)
    assert call(browser, "logIn")["name"] == "NotAllowedError"
