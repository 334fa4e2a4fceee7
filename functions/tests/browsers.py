"""A real browser without a window."""

from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

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
