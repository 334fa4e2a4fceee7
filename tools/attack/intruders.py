"""Those in whose name an attack is made: real sessions, and tokens that should be good for nothing."""

import secrets
import time
import uuid
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from functions.domain.accounts import access_tokens, keys
from functions.domain.accounts.access_tokens import SECOND_FACTOR, Authentication
from functions.domain.accounts.accounts import SCOPES
from functions.domain.principals import KEY_PREFIX
from tools.attack.sending import Sender
from tools.documents import Document

_PASSWORD: Final = secrets.token_urlsafe()


def user(sender: Sender) -> str:
    """Sign somebody up and return their access token."""
    account = {"email": f"attack-{uuid.uuid4().hex}@example.com", "password": _PASSWORD}
    sender.ask("POST", "/v1/auth/register", account)
    return str(sender.ask("POST", "/v1/auth/login", account)["access_token"])


def instance(sender: Sender, token: str) -> str:
    """Launch an instance and return its id."""
    wanted = {"agent": "echo", "name": "Somebody else's", "config": {}}
    return str(sender.ask("POST", "/v1/instances", wanted, token)["id"])


def narrowed(token: str) -> dict[str, str]:
    """Return a token for each scope, good for that scope alone, in the session of `token`."""
    claims, two = _claims(token), Authentication(SECOND_FACTOR, time.time())
    return {scope: access_tokens.issue(claims["sub"], claims["sid"], (scope,), two) for scope in SCOPES}


def worthless(sender: Sender, token: str) -> dict[str, str]:
    """Return tokens that nobody should take, by what is wrong with them; `token` is a good one."""
    claims, header = _claims(token), jwt.get_unverified_header(token)
    kid, key = keys.signing_key()
    all_scopes = claims | {"scope": " ".join(SCOPES)}
    past = int(time.time()) - 3600

    def signed(claims: Document, by: Ed25519PrivateKey = key, **head: str) -> str:
        return jwt.encode(claims, by, algorithm=keys.ALGORITHM, headers={"kid": kid, "typ": header["typ"]} | head)

    found = {
        "a garbled": "x" * 200,
        "an unsigned": jwt.encode(all_scopes, "", "none", {"typ": access_tokens.TYPE}),
        "an expired": signed(claims | {"iat": past, "exp": past + 60}),
        "a foreign": signed(all_scopes, Ed25519PrivateKey.generate()),
        "an unknown key's": signed(all_scopes, Ed25519PrivateKey.generate(), kid="unknown"),
        "another audience's": signed(all_scopes | {"aud": "somebody-else"}),
        "another kind of": signed(all_scopes, typ="JWT"),
        "an everlasting": signed(all_scopes | {"exp": int(time.time()) + 10 * 365 * 86_400}),
        "a publisher's unknown": f"{KEY_PREFIX}{'x' * 43}",
    }
    ended = user(sender)
    sender.ask("POST", "/v1/auth/logout", None, ended)
    sender.wait_until_refused("/v1/instances", ended)
    gone = _claims(ended)
    return found | {"an ended session's": access_tokens.issue(gone["sub"], gone["sid"], SCOPES)}


def _claims(token: str) -> Document:
    return jwt.decode(token, options={"verify_signature": False})
