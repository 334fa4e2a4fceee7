"""Grants of OAuth: that a client may act for an account at one resource, as somebody has consented to.

Whoever is logged in consents to what a client asks for. The client is given a code, and trades it for tokens: of a
session that is the client's, good at that resource alone. Of the code there is a hash, for a minute; it is bound to the
client, to where the browser was sent and to what the client has kept back (PKCE).
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Row, func, insert, select, update

from core import context
from events import envelope
from events.catalog.accounts import ClientApproved
from events.outbox import emit
from functions.domain.accounts import accounts, live_sessions, sessions
from functions.domain.accounts.access_tokens import Grant
from functions.domain.accounts.device_logins import InvalidGrant
from functions.domain.accounts.oauth_clients import OAuthClient
from functions.domain.accounts.refresh_tokens import RefreshToken, RefreshTokenInvalid
from functions.domain.accounts.sessions import Opened, SessionEnded
from functions.domain.accounts.tables import oauth_codes
from functions.domain.api_errors import Invalid
from functions.domain.client import Client
from functions.domain.databases import UserDb

SCOPES: Final = ("user",)
"""What clients may be granted, at most."""

LIFETIME_SECONDS: Final = 60
"""Of a code."""

MAX_CODE: Final = 128

_PREFIX: Final = "oac_"

_RESOURCE: Final = re.compile(r"/v1/(?:mcp|instances/ins_[0-9a-f]{32}/mcp)")

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class InvalidTarget(Invalid):
    """The resource has to be the address of an MCP endpoint here: its metadata says it."""


class InvalidScope(Invalid):
    """Nothing of this scope can be granted to a client: `user` can."""


class UnsupportedResponseType(Invalid):
    """The response_type has to be code."""


class ChallengeRequired(Invalid):
    """A code_challenge is needed, with the code_challenge_method S256."""


class CodeReused(InvalidGrant):
    """This code was used before, so somebody else may have it: what came of it has ended."""

    commits = True


@dataclass(frozen=True)
class Request:
    """What a client asks for, as a browser brings it."""

    redirect_uri: str
    response_type: str
    code_challenge: str | None
    code_challenge_method: str | None
    resource: str | None
    scope: str | None
    state: str | None


@dataclass(frozen=True)
class Wanted:
    """What a client wants, once it is checked."""

    client: OAuthClient
    redirect_uri: str
    challenge: str
    resource: str
    scopes: tuple[str, ...]
    state: str | None

    @property
    def grant(self) -> Grant:
        """What a session of it is for."""
        return Grant(self.client.id, self.client.name, self.resource, self.scopes)


@dataclass(frozen=True)
class Shown:
    """What a client shows for a code."""

    client_id: str
    code: str
    redirect_uri: str
    verifier: str
    resource: str | None


@dataclass(frozen=True)
class Refresh:
    """What a client shows to have its next tokens."""

    client_id: str
    refresh_token: str
    scope: str | None
    resource: str | None


def issuer() -> str:
    """Return who gives out the tokens, as metadata and redirects say it."""
    return envelope.api()


def check(client: OAuthClient, request: Request) -> Wanted:
    """Return what a client wants.

    Raises RedirectNotRegistered, UnsupportedResponseType, ChallengeRequired, InvalidTarget and InvalidScope.
    """
    client.check_redirect(request.redirect_uri)
    if request.response_type != "code":
        raise UnsupportedResponseType
    challenge = request.code_challenge or ""
    if request.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise ChallengeRequired
    resource = request.resource or ""
    api = envelope.api()
    if not resource.startswith(api) or not _RESOURCE.fullmatch(resource.removeprefix(api)):
        raise InvalidTarget
    asked = SCOPES if request.scope is None else request.scope.split()
    scopes = tuple(each for each in SCOPES if each in asked)
    if not scopes:
        raise InvalidScope
    return Wanted(client, request.redirect_uri, challenge, resource, scopes, request.state)


def approve(db: UserDb, account_id: str, session_id: str, wanted: Wanted) -> str:
    """Return where the browser goes with a code, by which a client may act for an account; emit ClientApproved.

    Raises SessionEnded, AccountSuspended and AccountDeleted.
    """
    accounts.hold(db, account_id)
    accounts.find_active(db, account_id)
    # Whoever ends sessions was waited for, and may have ended this one.
    if not live_sessions.is_live(db, session_id):
        raise SessionEnded
    code = _PREFIX + secrets.token_urlsafe(32)
    row = {
        "code_hash": _hash(code),
        "account_id": account_id,
        "client_id": wanted.client.id,
        "client_name": wanted.client.name,
        "redirect_uri": wanted.redirect_uri,
        "challenge": wanted.challenge,
        "resource": wanted.resource,
        "scopes": list(wanted.scopes),
        "expires_at": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, LIFETIME_SECONDS),
    }
    db.execute(insert(oauth_codes).values(row))
    emit(db, ClientApproved(account_id=account_id))
    return _redirect(wanted, {"code": code})


def deny(wanted: Wanted) -> str:
    """Return where the browser goes whose owner doesn't consent."""
    return _redirect(wanted, {"error": "access_denied"})


def finish(db: UserDb, shown: Shown, client: Client) -> Opened:
    """Open the session of a client that shows its code, once.

    Raises CodeReused, after which the transaction is to be committed, InvalidGrant, AccountSuspended and
    AccountDeleted.
    """
    which = oauth_codes.c.code_hash == _hash(shown.code)
    # The account first, as everybody does who ends its sessions: they delete its codes.
    account_id: str | None = db.scalar(select(oauth_codes.c.account_id).where(which))
    if account_id is None:
        raise InvalidGrant
    accounts.hold(db, account_id)
    row = _locked(db, which)
    if row.session_id is not None:
        context.act_as(account_id)
        sessions.revoke(db, row.session_id, "code_reused")
        raise CodeReused
    bound = (row.client_id, row.redirect_uri, row.resource)
    if row.expired or bound != (shown.client_id, shown.redirect_uri, shown.resource or row.resource):
        raise InvalidGrant
    if not _fits(shown.verifier, row.challenge):
        raise InvalidGrant
    account = accounts.become(db, account_id)
    grant = Grant(row.client_id, row.client_name, row.resource, tuple(row.scopes))
    opened = sessions.open_session(db, account, client, grant=grant)
    session_id = RefreshToken.read(opened.refresh_token).session_id
    db.execute(update(oauth_codes).where(which).values(session_id=session_id))
    return opened


def refresh(db: UserDb, asked: Refresh, client: Client) -> Opened:
    """Trade a client's refresh token for the next one, as `sessions.refresh` does.

    Raises InvalidGrant, RefreshTokenReused, after which the transaction is to be committed, InvalidScope,
    InvalidTarget, AccountSuspended and AccountDeleted.
    """
    try:
        grant = sessions.grant_of(db, RefreshToken.read(asked.refresh_token))
        if grant is None or grant.client_id != asked.client_id:
            raise InvalidGrant
        if asked.resource not in {None, grant.resource}:
            raise InvalidTarget
        if asked.scope is not None and not set(asked.scope.split()) <= set(grant.scopes):
            raise InvalidScope
        return sessions.refresh(db, asked.refresh_token, client, grant=grant)
    except (RefreshTokenInvalid, SessionEnded):
        raise InvalidGrant from None


def revoke(db: UserDb, token: str, client_id: str) -> None:
    """End the session of a client whose refresh token this is; do nothing if it is anything else (RFC 7009)."""
    with suppress(RefreshTokenInvalid):
        presented = RefreshToken.read(token)
        grant = sessions.grant_of(db, presented)
        if grant is not None and grant.client_id == client_id:
            sessions.revoke(db, presented.session_id, "ended_by_client")


def _redirect(wanted: Wanted, told: Mapping[str, str]) -> str:
    state = {} if wanted.state is None else {"state": wanted.state}
    query = urlencode({**told, **state, "iss": issuer()})
    return f"{wanted.redirect_uri}{'&' if '?' in wanted.redirect_uri else '?'}{query}"


def _locked(db: UserDb, which: ColumnElement[bool]) -> Row[*tuple[object, ...]]:
    expired = (oauth_codes.c.expires_at <= func.clock_timestamp()).label("expired")
    row = db.execute(select(*oauth_codes.c, expired).where(which).with_for_update()).first()
    if row is None:
        raise InvalidGrant
    return row


def _fits(verifier: str, challenge: str) -> bool:
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return bool(_VERIFIER.fullmatch(verifier)) and hmac.compare_digest(made, challenge)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
