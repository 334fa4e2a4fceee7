"""Bundles that no version has are taken away, and never one that a publication is about to have."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from functions.domain.catalog import bundle_collection, bundle_store, releases
from functions.domain.catalog.bundle_store import BundleStoreUnavailable
from functions.domain.catalog.releases import Release
from functions.domain.catalog.tests.making import a_bundle, a_slug, an_agent
from functions.domain.databases import SharedDb
from migrations.databases import connect
from testing.environment import Environment
from tools.local.wait import until


def a_release() -> Release:
    """Return a version that is checked and whose bundle is kept, as before its publication."""
    main = f"def agent(request):\n    return {{'text': '{a_slug()}'}}\n"
    return releases.checked("1.0.0", config_schema={"type": "object"}, bundle=a_bundle(main))


def sha256_of(release: Release) -> str:
    assert release.bundle_sha256 is not None
    return release.bundle_sha256


def is_there(release: Release) -> bool:
    return sha256_of(release) in set(bundle_store.digests(bundle_store.store()))


@contextmanager
def collecting(release: Release) -> Iterator[bool]:
    with connect("shared_psql", "admin").connect() as connection:
        yield bundle_collection.collect(SharedDb(connection), bundle_store.store(), sha256_of(release))


def publish(env: Environment, slug: str, release: Release) -> None:
    with env.transaction("shared_psql", "admin") as db:
        releases.publish(SharedDb(db), slug, release)


def waits_for_a_lock(env: Environment) -> bool:
    with env.transaction("shared_psql", "migrator") as db:
        return bool(db.exec_driver_sql("select count(*) from pg_locks where not granted").scalar())


def test_what_no_version_has_is_taken_away_and_can_be_published_again(env: Environment) -> None:
    slug, release = an_agent(env), a_release()
    with collecting(release) as taken:
        assert taken
    assert not is_there(release)
    with pytest.raises(BundleStoreUnavailable):
        publish(env, slug, release)
    again = a_release()
    publish(env, slug, again)
    with collecting(again) as taken:
        assert not taken
    assert is_there(again)


def test_a_publication_that_comes_first_has_its_bundle(env: Environment) -> None:
    slug, release = an_agent(env), a_release()
    taken: list[bool] = []

    def collect() -> None:
        with collecting(release) as found:
            taken.append(found)

    thread = threading.Thread(target=collect)
    with env.transaction("shared_psql", "admin") as db:
        releases.publish(SharedDb(db), slug, release)
        thread.start()
        assert until(lambda: waits_for_a_lock(env), seconds=60)
    thread.join()
    assert (taken, is_there(release)) == ([False], True)


def test_a_publication_that_comes_second_is_refused_and_not_left_without_its_bundle(env: Environment) -> None:
    slug, release = an_agent(env), a_release()
    refused: list[Exception] = []

    def second() -> None:
        try:
            publish(env, slug, release)
        except BundleStoreUnavailable as error:
            refused.append(error)

    thread = threading.Thread(target=second)
    with collecting(release) as taken:
        thread.start()
        assert until(lambda: waits_for_a_lock(env), seconds=60)
    thread.join()
    assert (taken, len(refused)) == (True, 1)
