"""What an account says of its owner: how to call them, their language and their time zone."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import select, update

from events.catalog.accounts import AccountChanged
from events.outbox import emit
from functions.domain.accounts import accounts, email_changes
from functions.domain.accounts.tables import accounts as table
from functions.domain.api_errors import FieldError, Invalid, NotFound, PreconditionFailed
from functions.domain.databases import UserDb

MAX_NAME: Final = 200
"""Characters."""

MAX_LOCALE: Final = 35
"""Characters, as RFC 5646 recommends in section 4.4.1."""

MAX_TIMEZONE: Final = 64

_ALNUM: Final = "[A-Za-z0-9]"

LOCALE: Final = (
    # Language and what extends it, script, region, variants, extensions, private use.
    r"^[A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
    rf"(-({_ALNUM}{{5,8}}|[0-9]{_ALNUM}{{3}}))*(-[0-9A-WYZa-wyz](-{_ALNUM}{{2,8}})+)*(-[Xx](-{_ALNUM}{{1,8}})+)?$"
)
"""The form of a language tag of RFC 5646, which is BCP 47, without those that were registered before there was one."""

TIMEZONE: Final = r"^[A-Z][A-Za-z0-9+_-]*(/[A-Za-z0-9+_-]+){0,2}$"
"""The form of a name in IANA's database. In a system's own folder what begins otherwise is something else."""

_SCRIPT: Final = 4
_REGION: Final = 2


class AccountChangedMeanwhile(PreconditionFailed):
    """Your account has changed since you read it: read it again, then repeat the change with its new ETag."""


class TimezoneUnknown(Invalid):
    """There is no such time zone in IANA's database."""


@dataclass(frozen=True)
class Profile:
    """An account as its owner reads it."""

    id: str
    email: str
    email_verified: bool
    new_email: str | None
    """Which was asked for and isn't confirmed yet."""
    name: str | None
    """As its owner wants to be called."""
    locale: str | None
    """A tag of BCP 47, in the letters that it recommends."""
    timezone: str | None
    """A name of IANA's database."""
    scopes: tuple[str, ...]
    created_at: datetime

    @property
    def state(self) -> str:
        """A text that is another one as soon as anything is that is told here."""
        return sha256(repr(self).encode()).hexdigest()[:32]


def find(db: UserDb, account_id: str) -> Profile:
    """Return an account as its owner reads it. Raises NotFound."""
    names = ("id", "email", "verified_at", "name", "locale", "timezone", "scopes", "created_at")
    row = db.execute(select(*table.c[names]).where(table.c.id == account_id)).first()
    if row is None:
        raise NotFound
    return Profile(
        id=row.id,
        email=row.email,
        email_verified=row.verified_at is not None,
        new_email=email_changes.requested(db, account_id),
        name=row.name,
        locale=row.locale,
        timezone=row.timezone,
        scopes=tuple(row.scopes),
        created_at=row.created_at,
    )


def change(db: UserDb, account_id: str, states: Container[str], changes: Mapping[str, str | None]) -> Profile:
    """Change `name`, `locale` and `timezone` of an account that is in one of `states`, and return it.

    None takes one away. Emits AccountChanged, unless all is so already. Raises NotFound, AccountChangedMeanwhile and
    TimezoneUnknown.
    """
    accounts.lock(db, account_id)
    before = find(db, account_id)
    if before.state not in states:
        raise AccountChangedMeanwhile
    wanted = {name: _canonical(name, value) for name, value in changes.items()}
    changed = {name: value for name, value in wanted.items() if value != getattr(before, name)}
    if not changed:
        return before
    db.execute(update(table).where(table.c.id == account_id).values(changed))
    emit(db, AccountChanged(account_id=account_id, fields=sorted(changed)))
    return find(db, account_id)


def _canonical(name: str, value: str | None) -> str | None:
    """Return what is kept of what was sent. Raises TimezoneUnknown."""
    if value is None:
        return None
    if name == "timezone" and not _is_timezone(value):
        raise TimezoneUnknown(errors=[FieldError("/timezone", "timezone_unknown", TimezoneUnknown.message())])
    return _recased(value) if name == "locale" else value


def _recased(locale: str) -> str:
    """Return a tag in the letters that RFC 5646 recommends in section 2.1.1: `zh-Hant-TW`."""
    first, *rest = locale.lower().split("-")
    recased = [first]
    for part in rest:
        after_singleton = len(recased[-1]) == 1
        if len(part) == _REGION and not after_singleton:
            recased.append(part.upper())
        elif len(part) == _SCRIPT and not after_singleton:
            recased.append(part.title())
        else:
            recased.append(part)
    return "-".join(recased)


def _is_timezone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # The last for what is a folder of zones, such as Europe.
        return False
    return True
