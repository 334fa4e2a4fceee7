"""POST /v1/oauth/authorize: see which client wants to act for you, and consent or deny it."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from functions.domain.accounts import accounts, factors, oauth_clients, oauth_grants, pages, sessions, throttling
from functions.domain.accounts.oauth_grants import Wanted
from functions.domain.accounts.throttling import TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.base import Reply
from functions.schemas.oauth import AuthorizationRequest


class AskingClient(Reply):
    """Who asks for what, and where the browser goes next."""

    client_name: Annotated[str, Field(description="What the client calls itself: anybody may call theirs so.")]
    client_host: Annotated[str, Field(description="Whose it is for sure.", examples=["client.example.com"])]
    redirect_host: Annotated[str, Field(description="Where the browser is sent back to.", examples=["127.0.0.1:33418"])]
    resource: Annotated[str, Field(description="The one address at which it may act for you.")]
    scopes: list[str]
    redirect_to: Annotated[str | None, Field(description="Where to, once you have decided.")]


def admit(caller: RecentUser, asked: AuthorizationRequest, transaction: UserTransactions) -> Wanted:
    """Read the client's document, and check what it wants."""
    with transaction() as db:
        caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
        guess = throttling.count_client(db, caller.id)
    client = oauth_clients.find(asked.client_id)
    with transaction() as db:
        throttling.was_no_guess(db, guess)
    return oauth_grants.check(client, asked.told())


@endpoint(
    "POST",
    "/v1/oauth/authorize",
    errors=(
        *(oauth_clients.ClientNotFound, oauth_clients.RedirectNotRegistered, oauth_grants.UnsupportedResponseType),
        *(oauth_grants.ChallengeRequired, oauth_grants.InvalidTarget, oauth_grants.InvalidScope),
        *(accounts.AccountSuspended, accounts.AccountDeleted, sessions.SessionEnded, InsufficientAal, TooManyGuesses),
    ),
    resources=Resources(settings=(oauth_clients.NETWORKS_SETTING, *pages.SETTINGS), calls_out=True),
    prepare=admit,
)
def authorize_client(caller: RecentUser, asked: AuthorizationRequest, wanted: Wanted, db: UserDb) -> AskingClient:
    """Decide once you know the host: the client's access ends with its session, which is listed among yours."""
    redirect_to = None
    if asked.decision == "approve":
        redirect_to = oauth_grants.approve(db, caller.id, caller.session_id, wanted)
    elif asked.decision == "deny":
        redirect_to = oauth_grants.deny(wanted)
    return AskingClient(
        client_name=wanted.client.name,
        client_host=wanted.client.host,
        redirect_host=urlsplit(wanted.redirect_uri).netloc,
        resource=wanted.resource,
        scopes=list(wanted.scopes),
        redirect_to=redirect_to,
    )
