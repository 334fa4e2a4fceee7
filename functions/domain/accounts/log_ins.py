"""What a log-in comes to: a session, or the question for a second factor."""

from collections.abc import Sequence
from dataclasses import dataclass

from functions.domain.accounts import challenges, factors, passkeys, sessions
from functions.domain.accounts.accounts import Account
from functions.domain.accounts.challenges import Purpose
from functions.domain.accounts.passkeys import Known
from functions.domain.accounts.sessions import Opened
from functions.domain.client import Client
from functions.domain.databases import UserDb


@dataclass(frozen=True)
class Asked:
    """What somebody is asked for who has proved one factor, and has a second."""

    challenge: str
    totp: bool
    """Whether a code of an app proves it."""
    passkeys: Sequence[Known]
    """Those of which one may prove it."""


def enter(db: UserDb, account: Account, client: Client) -> Opened | Asked:
    """Open a session of an account, which is held, for whoever has proved one factor, or ask for the second.

    Raises AccountSuspended.
    """
    if not factors.are_needed(db, account.id):
        return sessions.open_session(db, account, client)
    challenge = challenges.issue(db, Purpose.SECOND_FACTOR, account.id)
    return Asked(challenge, factors.has_app(db, account.id), passkeys.known(db, account.id))
