"""Where people find the pages about their accounts."""

from typing import Final

from core.configuration import setting
from events import envelope

SETTINGS: Final = ("API_URL", "APP_URL")
"""Which say where the pages are."""


def address(name: str) -> str:
    """Return where a page is: one of the application's, or of the edge's where there is none."""
    return f"{setting('APP_URL', '').rstrip('/') or f'{envelope.api()}/app'}/{name}"
