"""Which bundles stay: those that a version has. What is left of publications that failed is taken away in the end.

A row of `bundles` is written with the first version that has the bundle. Whoever takes a bundle away tries to write
this row too, and gives up if it is there; so its primary key is the lock between the two. If the publication comes
first, the bundle stays. If it comes second, it waits, finds the bundle gone, and is refused: sending it again helps.
"""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.object_store.base import ObjectStore
from functions.domain.catalog import bundle_store
from functions.domain.databases import SharedDb
from shared_psql_models.agents import bundles


def hold(db: SharedDb, sha256: str) -> None:
    """Have a bundle stay from the end of this transaction on. Raises BundleStoreUnavailable if it isn't there."""
    if _written(db, sha256):
        bundle_store.ensure(sha256)


def collect(db: SharedDb, place: ObjectStore, sha256: str) -> bool:
    """Take a bundle away unless a version has it; return whether it was. Raises StoreUnavailable.

    The transaction has to be rolled back: until then no version gets the bundle.
    """
    if not _written(db, sha256):
        return False
    bundle_store.remove(place, sha256)
    return True


def held(db: SharedDb) -> set[str]:
    """Return the SHA-256 of each bundle that a version has."""
    return set(db.scalars(select(bundles.c.sha256)))


def _written(db: SharedDb, sha256: str) -> bool:
    """Write the row of a bundle; return whether it wasn't there. Waits for whoever is about to write it."""
    written = insert(bundles).values(sha256=sha256).on_conflict_do_nothing().returning(bundles.c.sha256)
    return db.scalar(written) is not None
