"""Why an account or a session can't do something, as both databases know it."""

from typing import Final

from sqlalchemy import text

from functions.domain import verified_accounts
from functions.domain.databases import SharedDb, UserDb
from functions.domain.why import instances
from functions.domain.why.findings import Answer, Code, Finding, Link, NothingKnown, find
from shared_psql_models.operators import KillSwitch

_ACCOUNT: Final = text("select suspended, verified_at, purge_at, created_at from accounts where id = :id")
_SESSION: Final = text(
    "select account_id, created_at, refreshed_at, expires_at, ends_at, revoked_at, revoked_reason,"
    " least(expires_at, ends_at) < now() as expired from sessions where id = :id"
)
_SWITCHES: Final = text(
    "select * from kill_switches where target = :id or target = '' and released_at is null order by id desc limit 20"
)


def explain(user: UserDb, shared: SharedDb, account_id: str) -> Answer:
    """Return what happened to an account, and what keeps it from something. Raises NothingKnown."""
    account = user.execute(_ACCOUNT, {"id": account_id}).first()
    if account is None:
        raise NothingKnown
    chain = [Link(account.created_at, "The account was made.", account_id, account_id)]
    if account.verified_at is not None:
        chain.append(Link(account.verified_at, "Its address was verified.", account_id, account_id))
    switches = [KillSwitch.of(row) for row in shared.execute(_SWITCHES, {"id": account_id}).mappings()]
    for each in switches:
        chain.append(Link(each.engaged_at, f"A kill switch was engaged: {each.reason}", each.engaged_by, each.id))
        if each.released_at is not None:
            chain.append(Link(each.released_at, "It was released.", each.released_by or "system", each.id))
    chain.sort(key=lambda link: link.at)
    engaged = [each for each in switches if each.released_at is None]
    if account.suspended:
        return Answer(account_id, "account", find(Code.OWNER_SUSPENDED, account=account_id), chain)
    if account.purge_at is not None:
        finding = find(Code.PURGE_AWAITED, account.purge_at, account=account_id)
    elif not verified_accounts.may_launch(shared, account_id):
        finding = find(Code.OWNER_UNVERIFIED, account=account_id)
    elif engaged:
        finding = instances.switched_off(engaged[0])
    else:
        finding = instances.exhausted(shared, account_id) or find(Code.ACCOUNT_OPEN)
    return Answer(account_id, "account", finding, chain)


def of_session(user: UserDb, session_id: str) -> Answer:
    """Return how a session has gone. Raises NothingKnown."""
    session = user.execute(_SESSION, {"id": session_id}).first()
    if session is None:
        raise NothingKnown
    chain = [Link(session.created_at, "Somebody logged in.", session.account_id, session_id)]
    if session.refreshed_at > session.created_at:
        chain.append(Link(session.refreshed_at, "It was refreshed last.", session.account_id, session_id))
    finding: Finding
    if session.revoked_at is not None:
        chain.append(Link(session.revoked_at, "It was ended.", "system", session_id))
        finding = find(Code.SESSION_ENDED, cause=session.revoked_reason)
    elif session.expired:
        finding = find(Code.SESSION_ENDED, cause="its time is over")
    else:
        finding = find(Code.SESSION_OPEN, min(session.expires_at, session.ends_at))
    return Answer(session_id, "session", finding, chain)
