"""The account pages in a real browser: what people do on them, from their first mail to a device that they approve."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from functions.domain.accounts import oauth_clients, openid, webauthn
from functions.tests import browsers
from functions.tests.console_page import ConsolePage
from testing import oauth_client, openid_provider, people
from testing.factors import enrol
from testing.oauth_client import OAuthClient
from testing.openid_provider import OpenIdProvider
from testing.people import PASSWORD, Person
from testing.stack import Stack
from tools.local.wait import until

Eventually = Callable[..., Any]

SECONDS: Final = 60
NEW: Final = "a staple that nobody guesses"
MAKE: Final = """
const [options, done] = arguments;
navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
  .then((made) => done(made.toJSON()), (error) => done(String(error)));
"""
"""Has the authenticator make a passkey."""
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def edge(stack: Stack) -> Iterator[str]:
    with stack.edge():
        yield f"http://localhost:{stack.env.ports.edge}/app"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oauth_client.certificate(tmp_path_factory.mktemp("client") / "server.pem")


@pytest.fixture
def program(certificate: Path) -> Iterator[OAuthClient]:
    """A program that asks for consent."""
    with oauth_client.running(certificate) as running:
        yield running


class FreeProgram(socketserver.ThreadingTCPServer):
    """Browsers open connections beforehand, of which none holds up another, nor the end."""

    daemon_threads = True
    block_on_close = False


@contextmanager
def free_program() -> Iterator[int]:
    """Have something answer on this machine to which a browser is sent back; yield its port."""
    with FreeProgram(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def provider(stack: Stack, certificate: Path) -> Iterator[OpenIdProvider]:
    """A provider that the product knows, for as long as these tests run."""
    with openid_provider.running() as running:
        folder = stack.folder / "secrets-with-provider"
        openid_provider.secrets_in(folder, stack.env.secrets)
        told = {openid.PROVIDERS_SETTING: running.setting, openid.NETWORKS_SETTING: "127.0.0.1/32"}
        told |= {webauthn.ORIGINS_SETTING: f"http://localhost:{stack.env.ports.edge}"}
        told |= {"SSL_CERT_FILE": str(certificate), oauth_clients.NETWORKS_SETTING: "127.0.0.1/32"}
        app = f"http://localhost:{stack.env.ports.edge}/app"
        stack.restart("host", BOTBERI_SECRETS=str(folder), APP_URL=app, **told)
        yield running
        stack.restart("host")


class Page:
    """A page, as somebody uses it."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser = browser
        browser.get("about:blank")
        self.complaints()
        browser.get(address)

    def find(self, css: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, css)

    def send(self, form: str, button: str = "button", **fields: str) -> None:
        """Fill in a form once it is shown, and press a button of it."""
        assert until(self.find(f"#{form}").is_displayed, seconds=SECONDS), self.said
        for name, text in fields.items():
            field = self.find(f"#{form} [name={name}]")
            field.clear()
            field.send_keys(text)
        self.find(f"#{form} {button}").click()

    @property
    def said(self) -> str:
        with suppress(StaleElementReferenceException, NoSuchElementException):
            return self.find("#state").text
        # The browser is on its way to another page.
        return ""

    def says(self, text: str) -> None:
        assert until(lambda: text in self.said, seconds=SECONDS), (self.said, self.complaints())

    def focused(self) -> str:
        return str(self.browser.execute_script("return document.activeElement.id"))

    def kept(self) -> int:
        """Return how much the browser keeps of what was done here."""
        script = "return localStorage.length + sessionStorage.length + document.cookie.length"
        return int(self.browser.execute_script(script))

    def complaints(self) -> list[str]:
        """Return what the browser complains of, refused scripts and answers among it."""
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call] # selenium's own


def link_to(stack: Stack, email: str, subject: str, eventually: Eventually) -> str:
    """Wait for a mail, and return the link in it."""
    mail = eventually(lambda: (last := stack.mails.last(email)) and last.subject == subject and last)
    [link] = re.findall(r"^http\S+#token=[\w-]{32}$", mail.text, re.MULTILINE)
    return str(link)


def test_somebody_signs_up_verifies_the_address_and_logs_in(
    stack: Stack, edge: str, browser: Chrome, eventually: Eventually
) -> None:
    email = f"{uuid4().hex}@example.com"
    page = Page(browser, f"{edge}/sign-up")
    page.send("sign-up", email=email, password=PASSWORD)
    page.says(f"A mail is on its way to {email}.")
    assert page.complaints() == []
    link = link_to(stack, email, "Verify your address", eventually)
    assert link.startswith(f"{edge}/verify-email#token=")
    page = Page(browser, link)
    page.send("verify-email")
    page.says("Your address is verified.")
    assert browser.current_url == f"{edge}/verify-email"
    assert page.complaints() == []
    page = Page(browser, f"{edge}/log-in")
    page.find("#email").send_keys(email, Keys.TAB, PASSWORD, Keys.ENTER)
    page.says("You are logged in")
    assert page.find("#who").text == email
    page.send("sessions")
    page.says("You are logged in 1 times.")
    assert "this page" in page.find("#open").text
    assert page.kept() == 0
    page.send("log-out")
    page.says("You are logged out.")
    assert page.complaints() == []


def test_somebody_sets_a_forgotten_password(stack: Stack, edge: str, browser: Chrome, eventually: Eventually) -> None:
    somebody = people.arrive(stack, stack.env, ("user",))
    page = Page(browser, f"{edge}/reset-password")
    page.send("forgot-password", email=somebody.email)
    page.says("a mail is on its way")
    page = Page(browser, link_to(stack, somebody.email, "Set another password", eventually))
    page.send("reset-password", new_password=NEW)
    page.says("Your password is changed")
    assert page.complaints() == []
    log_in = {"email": somebody.email, "password": NEW}
    assert stack.user.post("/v1/auth/login", json=log_in).status_code == 200


def test_a_script_has_its_tokens_once_its_code_is_approved(stack: Stack, edge: str, browser: Chrome) -> None:
    somebody = people.arrive(stack, stack.env, ("user",))
    codes = stack.user.post("/v1/auth/device", json={"client_id": "a script"}).json
    assert codes["verification_uri"] == f"{edge}/device"
    page = Page(browser, codes["verification_uri_complete"])
    page.send("log-in", email=somebody.email, password=PASSWORD)
    page.says("You are logged in.")
    assert page.find("#user-code").get_attribute("value") == codes["user_code"]
    page.send("find")
    page.says("See who asks")
    assert page.find("#client").text == "a script"
    page.send("decide", "[value=approve]")
    page.says("Approved.")
    assert (page.complaints(), page.kept()) == ([], 0)
    grant = {"grant_type": GRANT, "device_code": codes["device_code"], "client_id": "a script"}
    pair = stack.user.post("/v1/auth/device/token", json=grant).json
    assert stack.user.get("/v1/me", token=pair["access_token"]).json["id"] == somebody.id


def test_a_second_factor_is_asked_for(stack: Stack, edge: str, browser: Chrome) -> None:
    app = enrol(stack, people.arrive(stack, stack.env, ("user",)))
    page = Page(browser, f"{edge}/log-in")
    page.send("log-in", email=app.somebody.email, password=PASSWORD)
    page.says("Your account has a second factor")
    page.send("second-factor", code=app.recovery_codes[0])
    page.says("You are logged in")
    assert page.complaints() == []


@pytest.fixture
def authenticator(browser: Chrome) -> Iterator[Chrome]:
    """The browser with an authenticator that asks for a finger."""
    with browsers.authenticator(browser):
        yield browser


def test_a_passkey_logs_somebody_in_alone_and_after_the_password(
    stack: Stack, edge: str, authenticator: Chrome, provider: OpenIdProvider
) -> None:
    ann = people.arrive(stack, stack.env, ("user",))
    page = Page(authenticator, f"{edge}/log-in")
    begun = stack.user.post("/v1/me/passkeys/options", token=ann.token).json
    made = authenticator.execute_async_script(MAKE, begun["options"])
    passkey = {"challenge": begun["challenge"], "name": "This computer", "passkey": made}
    assert stack.user.post("/v1/me/passkeys", token=ann.token, json=passkey).status_code == 201
    page.send("passkey")
    page.says("You are logged in")
    assert page.find("#who").text == ann.email
    assert not page.find("#passkey").is_displayed()
    page.send("log-out")
    page.says("You are logged out.")
    page.send("log-in", email=ann.email, password=PASSWORD)
    page.says("Your account has a second factor")
    authenticator.set_user_verified(False)
    page.send("passkey")
    page.says("No passkey was shown.")
    assert page.find("#second-factor").is_displayed()
    authenticator.set_user_verified(True)
    page.send("passkey")
    page.says("You are logged in")
    assert (page.complaints(), page.kept()) == ([], 0)
    # The other pages on which somebody logs in take one, too.
    codes = stack.user.post("/v1/auth/device", json={"client_id": "a script"}).json
    page = Page(authenticator, codes["verification_uri_complete"])
    page.send("passkey")
    page.says("You are logged in.")
    page.send("find")
    page.says("See who asks")
    assert page.find("#who").text == ann.email


def test_somebody_logs_in_with_a_provider_and_somebody_else_links_it(
    stack: Stack, edge: str, browser: Chrome, provider: OpenIdProvider
) -> None:
    new = provider.somebody()
    page = Page(browser, f"{edge}/log-in")
    page.send("providers", "[value=example]")
    page.says("You are logged in")
    assert (page.find("#who").text, browser.current_url) == (new["email"], f"{edge}/log-in")
    assert (page.complaints(), page.kept()) == ([], 0)
    ann = people.arrive(stack, stack.env, ("user",))
    provider.somebody(email=ann.email)
    page = Page(browser, f"{edge}/log-in")
    page.send("providers", "[value=example]")
    page.says("There is an account with your address")
    page.send("log-in", email=ann.email, password=PASSWORD)
    page.says("You are logged in")
    page.send("identities", "[value='Link example']")
    page.says("Your account is linked.")
    assert page.find("#identities").text == "Unlink The Example"
    assert page.kept() == 0
    codes = stack.user.post("/v1/auth/device", json={"client_id": "a script"}).json
    page = Page(browser, codes["verification_uri_complete"])
    page.send("providers", "[value=example]")
    page.says("You are logged in.")
    page.send("find")
    page.says("See who asks")
    assert page.find("#who").text == ann.email


def test_a_provider_logs_somebody_in_to_the_console_and_is_linked_there(
    stack: Stack, edge: str, browser: Chrome, provider: OpenIdProvider
) -> None:
    new = provider.somebody()
    page = ConsolePage(browser, edge.removesuffix("/app"))
    page.press("Log in with The Example")
    page.says("What needs you", new["email"])
    assert (page.kept(), page.complaints()) == (0, [])
    page.log_out()
    ann = people.arrive(stack, stack.env, ("user",))
    provider.somebody(email=ann.email)
    page.log_in(ann)
    page.says("What needs you")
    page.go("account", "providers")
    page.press("Link The Example")
    page.press("Unlink The Example")
    page.press("Unlink it", "dialog")
    page.find("[aria-label='Link The Example']")
    assert (page.kept(), page.complaints()) == (0, [])
    page.look_away()


def test_an_answer_that_nobody_here_has_asked_for_logs_nobody_in(
    stack: Stack, edge: str, browser: Chrome, provider: OpenIdProvider
) -> None:
    provider.asked.clear()
    before = len(provider.asked)
    begun = stack.user.post("/v1/auth/oidc/example/begin").json
    brought = provider.authorize(begun["authorization_url"])
    page = Page(browser, f"{edge}/log-in?{urlencode(brought)}")
    assert until(lambda: browser.current_url == f"{edge}/log-in", seconds=SECONDS)
    assert until(page.find("#providers").is_displayed, seconds=SECONDS)
    assert not page.find("#account").is_displayed()
    assert "/token" not in provider.asked[before:]


def test_somebody_consents_that_a_program_acts_for_them(
    stack: Stack, edge: str, browser: Chrome, provider: OpenIdProvider, program: OAuthClient
) -> None:
    ann = people.arrive(stack, stack.env, ("user",))
    resource = f"{stack.environment['API_URL']}/v1/mcp"
    with free_program() as port:
        program.redirect_uri = f"http://127.0.0.1:{port}/callback"
        page = Page(browser, f"{edge}/consent?{urlencode(program.request(resource))}")
        page.send("log-in", email=ann.email, password=PASSWORD)
        page.says("See who asks")
        assert browser.current_url == f"{edge}/consent"
        shown = {
            each: page.find(f"#{each}").text for each in ("client-host", "client-name", "redirect-host", "resource")
        }
        assert shown == {
            "client-host": f"localhost:{program.port}",
            "client-name": "A client",
            "redirect-host": f"127.0.0.1:{port}",
            "resource": resource,
        }
        assert (page.complaints(), page.kept()) == ([], 0)
        page.send("decide", "[value=approve]")
        assert until(lambda: browser.current_url.startswith(program.redirect_uri), seconds=SECONDS)
    brought = dict(parse_qsl(urlsplit(browser.current_url).query))
    assert brought["state"] == "a state of its own"
    assert program.trade(stack, brought["code"]).status_code == 200
    # By a provider, what was asked for goes along and comes back.
    new = provider.somebody()
    page = Page(browser, f"{edge}/consent?{urlencode(program.request(resource))}")
    page.send("providers", "[value=example]")
    page.says("See who asks")
    assert page.find("#who").text == new["email"]
    assert page.find("#resource").text == resource


def test_what_is_refused_is_said_beside_its_field(edge: str, browser: Chrome) -> None:
    page = Page(browser, f"{edge}/sign-up")
    page.send("sign-up", email=f"{uuid4().hex}@example.com", password="short")
    page.says("see what is marked")
    field = page.find("#password")
    assert (page.focused(), field.get_attribute("aria-invalid")) == ("password", "true")
    assert field.get_attribute("aria-describedby") == "password-error password-hint"
    assert page.find("#password-error").text == "String should have at least 12 characters"


def test_a_wrong_password_is_said_and_the_page_stays(stack: Stack, edge: str, browser: Chrome) -> None:
    somebody: Person = people.arrive(stack, stack.env, ("user",))
    page = Page(browser, f"{edge}/log-in")
    page.send("log-in", email=somebody.email, password="not the password")
    page.says("don't belong together")
    assert page.focused() == "state"


def test_whoever_leaves_the_page_is_logged_out(
    stack: Stack, edge: str, browser: Chrome, eventually: Eventually
) -> None:
    somebody = people.arrive(stack, stack.env, ("user",))
    page = Page(browser, f"{edge}/log-in")
    page.send("log-in", email=somebody.email, password=PASSWORD)
    page.says("You are logged in")

    def sessions() -> int:
        return len(stack.user.get("/v1/me/sessions", token=somebody.token).json["items"])

    assert sessions() == 2
    browser.get("about:blank")
    eventually(lambda: sessions() == 1)


def test_a_token_that_is_good_no_more_can_be_replaced(edge: str, browser: Chrome) -> None:
    page = Page(browser, f"{edge}/verify-email#token={'A' * 32}")
    assert not page.find("#token").is_displayed()
    page.send("verify-email")
    page.says("see what is marked")
    assert page.find("#token").is_displayed()
    assert "isn't good any more" in page.find("#token-error").text
