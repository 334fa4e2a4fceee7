"""A client of OAuth for tests: it has a document on a server of its own, and does by OAuth what programs do."""

import base64
import hashlib
import json
import secrets
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from typing_extensions import override

from testing.clients import Api
from testing.responses import Response

REDIRECT: Final = "http://127.0.0.1/callback"
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "a-client/1"}

Json = dict[str, Any]


@dataclass
class OAuthClient:
    """A client, and what its document says; tests change that."""

    port: int
    document: Json = field(default_factory=dict)
    """What it says in the place of what it should."""
    status: int = 200
    location: str | None = None
    body: bytes | None = None
    """Said in the place of a document."""
    asked: int = 0
    """How often the document was asked for."""
    path: str = "/client.json"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    redirect_uri: str = "http://127.0.0.1:53219/callback"

    @property
    def id(self) -> str:
        """Return where its document is."""
        return f"https://localhost:{self.port}{self.path}"

    def told(self) -> bytes:
        """Return its document."""
        own: Json = {
            "client_id": self.id,
            "client_name": "A client",
            "redirect_uris": [REDIRECT, "https://client.example/callback"],
            "token_endpoint_auth_method": "none",
        }
        changed = {name: value for name, value in (own | self.document).items() if value is not None}
        return json.dumps(changed).encode() if self.body is None else self.body

    def request(self, resource: str, /, **changes: str | None) -> Json:
        """Return what it sends the browser with."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        own: Json = {
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": resource,
            "scope": "user",
            "state": "a state of its own",
        }
        return {name: value for name, value in (own | changes).items() if value is not None}

    def ask(
        self, api: Api, token: str, resource: str, decision: str | None = "approve", /, **changes: str | None
    ) -> Response:
        """Have somebody who is logged in decide about it."""
        body = self.request(resource, **changes) | ({} if decision is None else {"decision": decision})
        return api.user.post("/v1/oauth/authorize", json=body, token=token)

    def code(self, api: Api, token: str, resource: str) -> str:
        """Return a code that somebody has consented to."""
        answer = self.ask(api, token, resource)
        assert answer.status_code == 200, answer.text
        return query_of(answer)["code"]

    def trade(self, api: Api, code: str, /, **changes: str | None) -> Response:
        """Trade a code for tokens."""
        own = {"grant_type": "authorization_code", "code": code, "code_verifier": self.verifier}
        return post(api, "token", {**own, "client_id": self.id, "redirect_uri": self.redirect_uri, **changes})

    def refresh(self, api: Api, refresh_token: str, /, **changes: str | None) -> Response:
        """Trade a refresh token for the next tokens."""
        own = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": self.id}
        return post(api, "token", {**own, **changes})

    def pair(self, api: Api, token: str, resource: str) -> Json:
        """Return the tokens that come of somebody's consent."""
        answer = self.trade(api, self.code(api, token, resource))
        assert answer.status_code == 200, answer.text
        return dict(answer.json)


def post(api: Api, what: str, form: Mapping[str, str | None]) -> Response:
    """Send a form to one of OAuth's endpoints."""
    fields = {name: value for name, value in form.items() if value is not None}
    return api.user.post(f"/v1/oauth/{what}", data=urlencode(fields).encode(), headers=FORM)


def query_of(answer: Response) -> dict[str, str]:
    """Return what the browser is sent back with."""
    return dict(parse_qsl(urlsplit(answer.json["redirect_to"]).query))


class _Server(ThreadingHTTPServer):
    client: OAuthClient
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        client = self.server.client
        client.asked += 1
        text = client.told()
        self.send_response(client.status)
        if client.location is not None:
            self.send_header("Location", client.location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def certificate(file: Path) -> Path:
    """Write a key and a certificate of this machine, which vouches for itself, into a file, and return that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    places = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@contextmanager
def running(certificate: Path) -> Iterator[OAuthClient]:
    """Serve a client's document inside the block, to whoever trusts the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.client = OAuthClient(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.client
        finally:
            server.shutdown()
            thread.join()
