"""Publishers: other systems that may publish events, each known by a key that opens nothing else."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import func, insert, or_, select, text, update

from core.ids import new_id
from events.catalog.load import load
from events.catalog.publishers import PublisherCreated, PublisherKeyRotated, PublisherRevoked
from events.event import EVERYBODY
from events.outbox import emit
from functions.domain.api_errors import Conflict, FieldError, Invalid, NotFound
from functions.domain.databases import SharedDb
from functions.domain.event_path import sources
from functions.domain.principals import KEY_PREFIX, Principal
from shared_psql_models.publishers import Publisher, publisher_keys, publishers

KEY_BYTES: Final = 32

_OF: Final = text("select id, sources, types, scopes from publisher_of(:hash)")


class PublisherNotFound(NotFound):
    """There is no such publisher, or it was revoked."""


class PublisherNameTaken(Conflict):
    """There is a publisher of this name already, or was."""


class PublisherInvalid(Invalid):
    """A publisher needs a source of its own or more, and may only have types and scopes that the catalog has."""


@dataclass(frozen=True)
class Wanted:
    """A new publisher: its name, and what it may publish."""

    name: str
    sources: Sequence[str]
    types: Sequence[str] = ()
    scopes: Sequence[str] = ()


def of_key(db: SharedDb, key: str) -> Principal | None:
    """Return the publisher whose key this is; None if it is nobody's, or no longer."""
    row = db.execute(_OF, {"hash": _hash(key)}).first()
    if row is None:
        return None
    return Principal(row.id, frozenset({EVERYBODY, *row.scopes}), tuple(row.sources), frozenset(row.types))


def create(db: SharedDb, wanted: Wanted) -> tuple[str, str]:
    """Create a publisher; return its id (`pub_…`) and its key, which nobody can ask for again.

    Raises PublisherInvalid, or PublisherNameTaken.
    """
    _check(wanted)
    given = {
        "name": wanted.name,
        "sources": sorted(set(wanted.sources), key=list(wanted.sources).index),
        "types": sorted(set(wanted.types)),
        "scopes": sorted(set(wanted.scopes)),
    }
    if db.scalar(select(publishers.c.id).where(publishers.c.name == wanted.name)) is not None:
        raise PublisherNameTaken
    publisher = new_id("pub")
    db.execute(insert(publishers).values(id=publisher, **given))
    key = _new_key(db, publisher)
    emit(db, PublisherCreated(publisher_id=publisher, **given))
    return publisher, key


def _check(wanted: Wanted) -> None:
    """Raise PublisherInvalid, naming everything that is wrong."""
    catalog = load()
    known = {model.scope for model in catalog.values() if model.scope}
    errors = [] if wanted.sources else [FieldError("/sources", "missing", "Name a source.")]
    for source in wanted.sources:
        if sources.is_reserved(source):
            errors.append(FieldError("/sources", "source_reserved", f"{source} looks like one of Botberi's own."))
        elif (usual := sources.normal(source)) != source:
            advice = f"write it as {usual}" if usual else "it is no URI reference"
            errors.append(FieldError("/sources", "source_not_normal", f"{source}: {advice}."))
    for name in wanted.types:
        model = catalog.get(name)
        if model is None or model.scope is None:
            errors.append(FieldError("/types", "type_reserved", f"{name} is no type that others may publish."))
        elif model.scope not in {EVERYBODY, *wanted.scopes}:
            errors.append(FieldError("/types", "type_not_granted", f"{name} needs the scope {model.scope}."))
    errors += [
        FieldError("/scopes", "unknown", f"No type needs {each}.") for each in wanted.scopes if each not in known
    ]
    if errors:
        raise PublisherInvalid(" ".join(error.message for error in errors), errors=errors)


class ListedPublisher(Publisher):
    """A publisher, and when the newest of its keys was made."""

    key_created_at: datetime


def listed(db: SharedDb) -> list[ListedPublisher]:
    """Return all publishers by name."""
    newest = func.max(publisher_keys.c.created_at).label("key_created_at")
    query = select(publishers, newest).join_from(publishers, publisher_keys).group_by(publishers.c.id)
    return [ListedPublisher.of(row) for row in db.execute(query.order_by(publishers.c.name)).mappings()]


def rotate(db: SharedDb, name: str, *, overlap: int) -> str:
    """Give a publisher another key and return it; those before end in `overlap` seconds. Raises PublisherNotFound."""
    publisher = _find(db, name)
    end = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, overlap)
    replaced = or_(publisher_keys.c.expires_at.is_(None), publisher_keys.c.expires_at > end)
    statement = update(publisher_keys).where(publisher_keys.c.publisher_id == publisher, replaced)
    db.execute(statement.values(expires_at=end))
    key = _new_key(db, publisher)
    emit(db, PublisherKeyRotated(publisher_id=publisher, overlap_seconds=overlap))
    return key


def revoke(db: SharedDb, name: str, reason: str) -> None:
    """End a publisher at once. Raises PublisherNotFound."""
    publisher = _find(db, name)
    db.execute(update(publishers).where(publishers.c.id == publisher).values(revoked_at=func.now()))
    emit(db, PublisherRevoked(publisher_id=publisher, reason=reason))


def _find(db: SharedDb, name: str) -> str:
    """Return the id of a publisher that wasn't revoked, whose row is locked until the transaction ends."""
    query = select(publishers.c.id).where(publishers.c.name == name, publishers.c.revoked_at.is_(None))
    found: str | None = db.scalar(query.with_for_update())
    if found is None:
        raise PublisherNotFound
    return str(found)


def _new_key(db: SharedDb, publisher: str) -> str:
    key = KEY_PREFIX + secrets.token_hex(KEY_BYTES)
    db.execute(insert(publisher_keys).values(hash=_hash(key), publisher_id=publisher))
    return key


def _hash(key: str) -> str:
    # The key is random and long: a slow hash would add nothing.
    return sha256(key.encode()).hexdigest()
