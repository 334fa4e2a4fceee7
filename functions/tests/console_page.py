"""The console in a browser: what a person does on it, and sees."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from provisioning.local_settings import ROOT
from testing.people import Person
from tools.local.wait import until

SECONDS: Final = 60

AXE: Final = ROOT / "build" / "console" / "node_modules" / "axe-core" / "axe.min.js"
"""Finds what keeps people from using a page; there where npm could install it."""

_FAULTS: Final = """
const done = arguments[arguments.length - 1];
axe.run({ resultTypes: ["violations"] }).then(({ violations }) =>
  done(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)));
"""

_BUTTON: Final = ".//*[self::button or self::a or self::summary][normalize-space() = '{0}' or @aria-label = '{0}']"


class ConsolePage:
    """The console, opened by somebody."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser = browser
        self.address = f"{address}/console"
        browser.get("about:blank")
        self.complaints()
        browser.get(self.address)

    def find(self, css: str) -> WebElement:
        """Return what is shown at a place, once it is there."""
        found = until(lambda: [each for each in self.all(css) if each.is_displayed()], seconds=SECONDS)
        assert found, (css, self.text, self.complaints())
        return found[0]

    def all(self, css: str) -> list[WebElement]:
        return list(self.browser.find_elements(By.CSS_SELECTOR, css))

    @property
    def text(self) -> str:
        return str(self.browser.execute_script("return document.body.innerText"))

    def says(self, *texts: str) -> None:
        """Wait until all of it is shown."""
        for text in texts:
            assert until(lambda text=text: text in self.text, seconds=SECONDS), (text, self.text, self.complaints())  # type: ignore[misc] # mypy can't infer the default's type

    def fill(self, **fields: str) -> None:
        """Type into fields by their names."""
        self.fill_in("body", **fields)

    def fill_in(self, within: str, **fields: str) -> None:
        """Type into fields of a part of the page."""
        for name, text in fields.items():
            field = self.find(f"{within} [name={name}]")
            field.clear()
            field.send_keys(text)

    def labelled(self, label: str) -> WebElement:
        """Return the field with a label, once it is there."""
        place = f"//label[starts-with(normalize-space(), '{label}')]"
        found = until(lambda: self.browser.find_elements(By.XPATH, place), seconds=SECONDS)
        assert found, (label, self.text, self.complaints())
        return self.find(f"[id='{found[0].get_attribute('for')}']")

    def label(self, label: str, text: str) -> None:
        """Type into the field with a label."""
        field = self.labelled(label)
        field.clear()
        field.send_keys(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from the list with a label."""
        Select(self.labelled(label)).select_by_visible_text(option)

    def press(self, name: str, within: str = "body") -> None:
        """Press a button or follow a link by the keyboard, once it is there: it may move while the page is read."""
        button = _BUTTON.format(name)

        def shown() -> list[WebElement]:
            with suppress(StaleElementReferenceException):
                places = [each for each in self.all(within) if each.is_displayed()]
                return [
                    each for place in places for each in place.find_elements(By.XPATH, button) if each.is_displayed()
                ]
            return []

        found = until(shown, seconds=SECONDS)
        assert found, (name, self.text, self.complaints())
        found[0].send_keys(Keys.ENTER)

    def log_in(self, person: Person) -> None:
        self.fill(email=person.email, password=person.password)
        self.press("Log in", "main")

    def log_out(self) -> None:
        """Have nobody logged in, whoever was."""
        self.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.browser.refresh()

    def go(self, *parts: str) -> None:
        """Go to a page by its address."""
        self.browser.execute_script("location.hash = arguments[0]", f"#/{'/'.join(parts)}")

    def save_into(self, folder: Path) -> None:
        """Have the browser put what it saves into a folder."""
        told = {"behavior": "allow", "downloadPath": str(folder)}
        self.browser.execute_cdp_cmd("Browser.setDownloadBehavior", told)

    def look(self, scheme: str, width: int = 1200, height: int = 760) -> None:
        """Look at it as somebody with a light or a dark screen of this size does."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def look_away(self) -> None:
        """Leave the browser as it was."""
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        self.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.browser.get("about:blank")

    def kept(self) -> int:
        """Return how much scripts can find of what the browser keeps."""
        script = "return localStorage.length + sessionStorage.length + document.cookie.length"
        return int(self.browser.execute_script(script))

    def faults(self) -> list[str]:
        """Return what axe finds on the page as it is now."""
        if not self.browser.execute_script("return 'axe' in window"):
            # By the developer tools, which the page's policy doesn't concern.
            self.browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text()})
        return [str(each) for each in self.browser.execute_async_script(_FAULTS)]

    def save(self, file: Path) -> None:
        """Take a picture of the whole page."""
        self.browser.save_screenshot(str(file))

    def complaints(self) -> list[str]:
        """Return what the browser has complained of since this was last asked, refused scripts and answers among it."""
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call] # selenium's own

    def run(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)
