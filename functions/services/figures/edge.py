"""What nginx says of itself: connections and requests (its stub_status page)."""

import logging
import re
from collections.abc import Iterator
from typing import Final

from core import http_client
from core.configuration import setting
from core.watching import Sample

log = logging.getLogger(__name__)

TIMEOUT: Final = 3
"""Seconds."""

FAMILIES: Final = {
    "botberi_edge_up": "1 when the edge answers.",
    "botberi_edge_connections": "Open connections: reading a request, writing an answer, waiting for the next request.",
    "botberi_edge_accepted_total": "Connections that were accepted.",
    "botberi_edge_handled_total": "Connections that were served; fewer than accepted when the edge was at its limit.",
    "botberi_edge_requests_total": "Requests.",
}

_PAGE: Final = re.compile(
    r"requests\s+(?P<accepted>\d+)\s+(?P<handled>\d+)\s+(?P<requests>\d+)\s+"
    r"Reading: (?P<reading>\d+) Writing: (?P<writing>\d+) Waiting: (?P<waiting>\d+)"
)


def samples() -> Iterator[Sample]:
    """Yield what the edge says; nothing where EDGE_STATUS_URL is not set."""
    url = setting("EDGE_STATUS_URL", "")
    if not url:
        return
    page = _PAGE.search(_page(url))
    yield "botberi_edge_up", {}, page is not None
    if page is not None:
        for state in ("reading", "writing", "waiting"):
            yield "botberi_edge_connections", {"state": state}, float(page[state])
        for what in ("accepted", "handled", "requests"):
            yield f"botberi_edge_{what}_total", {}, float(page[what])


def _page(url: str) -> str:
    try:
        return http_client.request("GET", url, seconds=TIMEOUT).body.decode()
    except OSError as error:
        log.warning("the edge can't be asked: %r", error)
        return ""
