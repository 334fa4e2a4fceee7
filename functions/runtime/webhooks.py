"""The handshake of CloudEvents' webhooks: before a sender sends, it asks with OPTIONS whether it may.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection

Whoever asks is told yes: what is sent without a key or token is refused all the same, and the edge counts requests.
"""

import re
from typing import Final

import flask

from functions.runtime.declarations import Declaration
from functions.runtime.routes import MethodNotAllowed

METHOD: Final = "OPTIONS"

ORIGIN: Final = "WebHook-Request-Origin"

RATE: Final = "WebHook-Request-Rate"

_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,255}")


def consent(declaration: Declaration, request: flask.Request) -> flask.Response:
    """Answer the handshake; raise MethodNotAllowed for an OPTIONS that is none."""
    origin = request.headers.get(ORIGIN, "")
    if not _HOST.fullmatch(origin):
        raise MethodNotAllowed(declaration.methods)
    allowed = {"Allow": ", ".join(sorted(declaration.methods)), "WebHook-Allowed-Origin": origin}
    if RATE in request.headers:
        allowed["WebHook-Allowed-Rate"] = "*"
    return flask.Response(status=200, headers=allowed)
