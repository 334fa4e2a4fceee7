"""Those in whose name an attack is made: real sessions, and tokens that should be good for nothing."""

import secrets
import time
import uuid
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from functions.domain.accounts import access_tokens, keys
from functions.domain.principals import KEY_PREFIX
from provisioning.seed import ADMINISTRATOR
from tools.attack.sending import Sender
from tools.documents import Document
from tools.local.errors import LocalError

_PASSWORD: Final = secrets.token_urlsafe()


def user(sender: Sender) -> str:
    """Sign somebody up and return their access token."""
    account = {"email": f"attack-{uuid.uuid4().hex}@example.com", "password": _PASSWORD}
    sender.ask("POST", "/v1/auth/register", account)
    return str(sender.ask("POST", "/v1/auth/login", account)["access_token"])


def administrator(sender: Sender, folder: Path) -> str:
    """Return the administrator's access token; `folder` has the file `administrator` with the password."""
    file = folder / "administrator"
    if not file.is_file():
        message = f"there is no file `administrator` with a password in {folder}"
        raise LocalError(message)
    account = {"email": ADMINISTRATOR, "password": file.read_text(encoding="utf-8").strip()}
    return str(sender.ask("POST", "/v1/auth/login", account)["access_token"])


def instance(sender: Sender, token: str) -> str:
    """Launch an instance and return its id."""
    wanted = {"agent": "echo", "name": "Somebody else's", "config": {}}
    return str(sender.ask("POST", "/v1/instances", wanted, token)["id"])


def narrowed(token: str) -> dict[str, str]:
    """Return a token for each scope, good for that scope alone, in the session of `token`."""
    claims = _claims(token)
    return {scope: access_tokens.issue(claims["sub"], claims["sid"], (scope,)) for scope in ("user", "admin", "broker")}


def worthless(sender: Sender, token: str) -> dict[str, str]:
    """Return tokens that nobody should take, by what is wrong with them; `token` is a good one."""
    claims, header = _claims(token), jwt.get_unverified_header(token)
    kid, key = keys.signing_key()
    all_scopes = claims | {"scope": "user admin broker"}
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
    return found | {"an ended session's": access_tokens.issue(gone["sub"], gone["sid"], ("user", "admin", "broker"))}


def _claims(token: str) -> Document:
    return jwt.decode(token, options={"verify_signature": False})
