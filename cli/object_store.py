"""`botberi store`: the store of objects, in which bundles are, and what they require."""

from datetime import timedelta

import click

from cli.queries import administering
from core.object_store.base import ObjectStore
from functions.domain.audit import anchor_store
from functions.domain.catalog import bundle_collection, bundle_store, bundle_uploads, bundles
from functions.domain.catalog.bundle_store import BundleLost
from functions.domain.catalog.bundles import BundleInvalid
from functions.domain.databases import SharedDb
from migrations.databases import connect


@click.group()
def store() -> None:
    """Look after what BUNDLE_STORE names."""


@store.command("prepare")
def prepare() -> None:
    """Make the places of BUNDLE_STORE and AUDIT_STORE, if they aren't there: the latter locks what it keeps."""
    bundle_store.store().prepare()
    anchor_store.store().prepare()
    click.echo("the places of bundles and of anchors are there")


@store.command("collect")
@click.option("--days", type=click.IntRange(min=1), default=7, show_default=True, help="How old it has to be.")
@click.option("--check", is_flag=True, help="Only say what would be taken away.")
def collect(days: int, check: bool) -> None:
    """Take away bundles that no version has, left of publications that failed, and packages that no bundle requires.

    Everything goes on meanwhile; nothing that a version has, or a publication under way, is touched.
    """
    from functions.services.agent_host.code_cache.package_archives import PackageArchives

    place, older_than = bundle_store.store(), timedelta(days=days).total_seconds()
    would = "would be" if check else "were"
    found = set(bundle_store.digests(place, older_than=older_than)) - _held()
    gone = found if check else {sha256 for sha256 in found if _collected(place, sha256)}
    click.echo(f"{len(gone)} bundles that no version has {would} taken away")
    uploads = bundle_uploads.remove_old(place, older_than=older_than, check=check)
    click.echo(f"{uploads} bundles that were uploaded {would} taken away")
    wanted = _held() | (set(bundle_store.digests(place)) - gone)
    needed = {_required(place, sha256) for sha256 in wanted}
    lists, archives = PackageArchives(place).collect(needed, older_than=older_than, check=check)
    click.echo(f"{lists} lists of packages and {archives} archives that no bundle requires {would} taken away")


def _held() -> set[str]:
    with administering("shared_psql") as db:
        return bundle_collection.held(SharedDb(db))


def _collected(place: ObjectStore, sha256: str) -> bool:
    # Without a commit: all that was written is rolled back.
    with connect("shared_psql", "admin").connect() as connection:
        return bundle_collection.collect(SharedDb(connection), place, sha256)


def _required(place: ObjectStore, sha256: str) -> bytes:
    try:
        return bundles.required_by(bundle_store.fetch_from(place, sha256))
    except (BundleLost, BundleInvalid):
        raise click.ClickException(
            f"the bundle {sha256} of a version isn't there or can't be read, so nobody knows which packages it "
            "requires, and none are taken away: publish the same bytes again"
        ) from None
