"""Where people find the pages about their accounts."""

from typing import Final

from core.configuration import setting

SETTINGS: Final = ("API_URL", "APP_URL")
"""Which say where the pages are."""

_DEFAULT_API: Final = "http://localhost:8080"


def api() -> str:
    """Return where the API is for browsers and programs."""
    return (setting("API_URL", "") or _DEFAULT_API).rstrip("/")


def address(name: str) -> str:
    """Return where a page is: one of the application's, or of the edge's where there is none."""
    return f"{setting('APP_URL', '').rstrip('/') or f'{api()}/app'}/{name}"
