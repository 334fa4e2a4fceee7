"""An OpenID provider for tests, with real HTTP on this machine: it knows one person, and lies where it is asked to."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from typing_extensions import override

from core import http_client
from functions.domain.accounts import openid

CLIENT_ID: Final = "botberi-tests"
CLIENT_SECRET: Final = "a secret of this client"  # noqa: S105 - of a provider that exists for a second

Json = dict[str, Any]

KINDS: Final[dict[str, Callable[[], RSAKey | ECKey]]] = {
    "RS256": lambda: RSAKey.generate_key(2048, {"kid": uuid4().hex}),
    "ES256": lambda: ECKey.generate_key("P-256", {"kid": uuid4().hex}),
}


@dataclass
class OpenIdProvider:
    """A provider, and what it says; tests change that."""

    port: int
    algorithm: str = "ES256"
    person: Json = field(default_factory=dict)
    """The claims about whoever logs in."""
    claims: Json = field(default_factory=dict)
    """Claims of ID tokens in the place of its own; None takes one away."""
    metadata: Json = field(default_factory=dict)
    """What it says of itself in the place of what is true."""
    userinfo: Json | None = None
    """Told of people beside what ID tokens have; None for no such endpoint."""
    sign: Callable[[Json], str] | None = None
    """Makes ID tokens of claims in its own way."""
    answers: Json = field(default_factory=dict)
    """Statuses that paths are answered with, whatever is asked."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    issued: list[str] = field(default_factory=list)
    """The tokens that it gave out."""
    codes: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make its first key."""
        self.rotate()
        self.somebody()

    @property
    def issuer(self) -> str:
        """Return its own name, which is its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def setting(self) -> str:
        """What OIDC_PROVIDERS has of it."""
        return f"example {self.issuer} {CLIENT_ID} The Example"

    def somebody(self, **claims: object) -> Json:
        """Let somebody new log in there."""
        named = {"sub": uuid4().hex, "email": f"{uuid4().hex}@example.com", "email_verified": True}
        self.person = named | claims
        return self.person

    def rotate(self) -> None:
        """Sign with another key from now on, and publish that alone."""
        self.key = KINDS[self.algorithm]()

    def authorize(self, url: str) -> dict[str, str]:
        """Go to an authorization URL as a browser does; return what the address has that it is sent back to."""
        answer = http_client.request("GET", url, seconds=10)
        assert answer.status == HTTPStatus.FOUND, answer.body
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def told(self) -> Json:
        """Return what it says of itself."""
        own: Json = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": True,
            **({} if self.userinfo is None else {"userinfo_endpoint": f"{self.issuer}/userinfo"}),
        }
        return _without_none(own | self.metadata)

    def code(self, asked: dict[str, str]) -> dict[str, str]:
        """Return what the browser is sent back with."""
        assert (asked["client_id"], asked["response_type"]) == (CLIENT_ID, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | {"person": self.person}
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, Json]:
        """Return the status and answer to a request for tokens."""
        basic = f"Basic {base64.b64encode(f'{CLIENT_ID}:{CLIENT_SECRET}'.encode()).decode()}"
        posted = form.get("client_id"), form.get("client_secret")
        if authorization != basic and posted != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(16)
        now = int(time())
        own = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        half: bytes = create_half_hash(access_token, self.algorithm)  # type: ignore[assignment] # Authlib's
        own["at_hash"] = half.decode()
        claims = _without_none(own | asked["person"] | self.claims)
        id_token = self._signed(claims)
        self.issued += [access_token, id_token]
        return 200, {"access_token": access_token, "token_type": "Bearer", "id_token": id_token}

    def _signed(self, claims: Json) -> str:
        if self.sign is not None:
            return self.sign(claims)
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def _without_none(values: Json) -> Json:
    return {name: value for name, value in values.items() if value is not None}


class _Server(ThreadingHTTPServer):
    provider: OpenIdProvider
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        provider, parts = self.server.provider, urlsplit(self.path)
        provider.asked.append(parts.path)
        if parts.path in provider.answers:
            self._answer(provider.answers[parts.path], {})
        elif parts.path == "/.well-known/openid-configuration":
            self._answer(200, provider.told())
        elif parts.path == "/keys":
            self._answer(200, dict(KeySet([provider.key]).as_dict(private=False)))
        elif parts.path == "/userinfo":
            self._answer(200, provider.userinfo or {})
        else:
            asked = dict(parse_qsl(parts.query))
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(provider.code(asked))}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_POST(self) -> None:
        provider = self.server.provider
        provider.asked.append(self.path)
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if self.path in provider.answers:
            self._answer(provider.answers[self.path], {})
        else:
            self._answer(*provider.tokens(form, self.headers.get("Authorization", "")))

    def _answer(self, status: int, body: Json) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def secrets_in(folder: Path, others: Path) -> None:
    """Make a folder of all secrets of another one, with the one that a provider has given."""
    folder.mkdir(exist_ok=True)
    for each in others.iterdir():
        if each.name != openid.SECRETS and not (folder / each.name).exists():
            (folder / each.name).symlink_to(each)
    (folder / openid.SECRETS).write_text(f"# A comment.\nexample {CLIENT_SECRET}\n")


@contextmanager
def running() -> Iterator[OpenIdProvider]:
    """Run a provider inside the block."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.provider = OpenIdProvider(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.provider
        finally:
            server.shutdown()
            thread.join()
