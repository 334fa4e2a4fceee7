"""A real browser without a window."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions, ChromeService


@contextmanager
def headless() -> Iterator[Chrome]:
    """Start Chromium, its console kept."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "install chromium"
    assert driver, "install chromium-driver"
    options = ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1200,1600",
    ):
        options.add_argument(flag)
    chrome = Chrome(options=options, service=ChromeService(executable_path=driver))
    try:
        yield chrome
    finally:
        chrome.quit()
