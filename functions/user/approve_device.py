"""POST /v1/auth/device/approve: see which program wants to log in to your account, and approve or deny it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.domain.accounts import accounts, device_logins, factors, sessions, throttling
from functions.domain.accounts.access_tokens import SECOND_FACTOR
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.base import Body, Reply


class DeviceDecision(Body):
    """Which program, by the code that it shows, and what becomes of it."""

    user_code: Annotated[
        str,
        Field(
            min_length=1, max_length=32, examples=["WDJB-MJHT"], description="Small letters and hyphens don't matter."
        ),
    ]
    decision: Annotated[
        Literal["approve", "deny"] | None, Field(description="Left out, you are told who asks, and nothing changes.")
    ] = None


class AskingDevice(Reply):
    """Who asks, as far as it can be known."""

    client: Annotated[str, Field(description="What the program calls itself: anybody may call theirs so.")]
    device: Annotated[str, Field(description="Its header User-Agent.")]
    network: Annotated[str, Field(description="Where it is: `/24`, or `/64` of IPv6; empty if nothing tells.")]
    requested_at: datetime
    expires_at: datetime


def admit(caller: RecentUser, client: Client, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before the code is looked at."""
    with transaction() as db:
        return throttling.count_device(db, caller.id, client.network)


@endpoint(
    "POST",
    "/v1/auth/device/approve",
    errors=(
        *(device_logins.UserCodeNotFound, sessions.SessionEnded, InsufficientAal, TooManyGuesses),
        *(accounts.AccountSuspended, accounts.AccountDeleted),
    ),
    prepare=admit,
)
def approve_device(caller: RecentUser, shown: DeviceDecision, guess: Guess, db: UserDb) -> AskingDevice:
    """Decide of a code, once. The session has one factor, whatever yours has; approve what you have begun yourself."""
    if factors.are_needed(db, caller.id) and caller.authentication.aal < SECOND_FACTOR:
        raise InsufficientAal
    if shown.decision is None:
        found = device_logins.asking(db, shown.user_code)
    else:
        approve = shown.decision == "approve"
        found = device_logins.decide(db, shown.user_code, caller.id, caller.session_id, approve=approve)
    throttling.was_no_guess(db, guess)
    return AskingDevice.model_validate(found)
