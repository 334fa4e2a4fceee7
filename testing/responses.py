"""What came back from a request, and the check that every answer is documented."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from werkzeug.datastructures import Headers

from functions.runtime import webhooks
from functions.runtime.declarations import Declaration
from functions.runtime.problems import CONTENT_TYPE
from functions.runtime.routes import MethodNotAllowed, RouteNotFound, match, ordered
from tools.manifests.responses import errors_by_status


@dataclass(frozen=True)
class Response:
    """An HTTP answer."""

    status_code: int
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(self.json["code"])


def check_documented(declarations: Iterable[Declaration], method: str, path: str, answer: Response) -> None:
    """Fail unless the endpoint of `method` and `path` declares this answer; other paths may answer anything."""
    if method == webhooks.METHOD:
        # The handshake of webhooks is the same wherever events are taken.
        return
    try:
        declaration, _ = match(ordered(declarations), method, path.partition("?")[0])
    except (RouteNotFound, MethodNotAllowed):
        return
    others = {each.http_status for each in declaration.other_replies}
    others |= {status for each in declaration.answers for status in each.statuses}
    if answer.status_code in {declaration.status, HTTPStatus.NOT_MODIFIED, *others}:
        return
    if declaration.protocol is not None:
        known = answer.status_code in errors_by_status(declaration)
        assert known, f"{method} {path} answered {answer}: {declaration.name} declares no such error"
        return
    assert answer.headers.get("Content-Type") == CONTENT_TYPE, f"{method} {path} answered {answer}: no problem"
    documented_errors = errors_by_status(declaration).get(answer.status_code, {})
    assert answer.code in documented_errors, (
        f"{method} {path} answered {answer.status_code} {answer.code}: {answer.text}. "
        f"{declaration.name} declares no such API error."
    )
