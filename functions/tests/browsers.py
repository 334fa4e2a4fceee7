"""A real browser without a window."""

from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

from tools.local.servers import binaries


@contextmanager
def headless() -> Iterator[Chrome]:
    """Start Chromium, its console kept."""
    chromium, driver = binaries.find("chromium"), binaries.find("chromedriver")
    options = ChromeOptions()
    options.binary_location = str(chromium)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1200,1600",
    ):
        options.add_argument(flag)
    chrome = Chrome(options=options, service=ChromeService(executable_path=str(driver)))
    try:
        yield chrome
    finally:
        chrome.quit()


@contextmanager
def authenticator(chrome: Chrome) -> Iterator[None]:
    """Give it an authenticator that keeps passkeys and asks for a finger."""
    options = VirtualAuthenticatorOptions(
        protocol=VirtualAuthenticatorOptions.Protocol.CTAP2,
        transport=VirtualAuthenticatorOptions.Transport.INTERNAL,
        has_resident_key=True,
        has_user_verification=True,
        is_user_verified=True,
    )
    chrome.add_virtual_authenticator(options)
    try:
        yield
    finally:
        chrome.remove_virtual_authenticator()
