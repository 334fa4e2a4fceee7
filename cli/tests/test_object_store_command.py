"""`botberi store collect` takes away what nobody has, once it is old, and nothing else."""

import hashlib
import io
import os
import re
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from cli.__main__ import botberi
from core.configuration import setting
from functions.domain.catalog import bundle_store
from functions.domain.catalog.tests.making import a_bundle, a_slug, an_agent, publish
from testing.environment import Environment

DAY = 24 * 60 * 60


@pytest.fixture(autouse=True, scope="module")
def store_of_ours(env: Environment) -> None:
    """Have no agents of other tests, whose bundles may be in stores that are gone."""
    env.renew()


def said(*words: str, ends_with: int = 0) -> str:
    done = CliRunner().invoke(botberi, ["store", "collect", *words])
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.output


def aged(key: str, *, days: float) -> str:
    """Have an object be as old as that."""
    then = time.time() - days * DAY
    os.utime(Path(urlsplit(setting(bundle_store.SETTING)).path) / key, (then, then))
    return key


def a_kept(*, days: float, requirements: str = "") -> str:
    """Keep a bundle that nobody else has, as if so many days ago; return its SHA-256."""
    main = f"def agent(request):\n    return '{a_slug()}'\n"
    sha256 = bundle_store.keep(a_bundle(main, requirements=requirements))
    aged(f"bundles/{sha256}", days=days)
    return sha256


def packages_for(requirements: str) -> tuple[str, str]:
    """Keep packages as if a host had installed them a month ago; return the keys of their list and their archive."""
    archive, words = uuid.uuid4().hex * 2, hashlib.sha256(requirements.encode()).hexdigest()
    keys = f"packages/{words}/any", f"archives/{archive}"
    for key, content in zip(keys, (archive, ""), strict=True):
        bundle_store.store().put(key, io.BytesIO(content.encode()))
        aged(key, days=30)
    return keys


def a_requirement() -> str:
    return f"{a_slug()}==1.0 --hash=sha256:{'0' * 64}"


def test_only_what_no_version_has_is_taken_away_once_it_is_old(env: Environment) -> None:
    store, required = bundle_store.store(), a_requirement()
    left, young = a_kept(days=8), a_kept(days=6)
    bundle = a_bundle(f"def agent(request):\n    return '{a_slug()}'\n", requirements=required)
    publish(env, an_agent(env), "1.0.0", bundle=bundle)
    published = hashlib.sha256(bundle).hexdigest()
    aged(f"bundles/{published}", days=30)
    needed, useless = packages_for(required), packages_for(a_requirement())

    would = said("--check")
    assert "would be taken away" in would
    assert {left, young, published} <= set(bundle_store.digests(store))
    done = said()
    assert would.replace("would be", "were") == done
    assert {left, young, published} & set(bundle_store.digests(store)) == {young, published}
    assert [store.exists(key) for key in (*needed, *useless)] == [True, True, False, False]
    # There may have been some of other tests.
    assert said() == re.sub(r"\d+ (bundles|lists|archives)", r"0 \1", done)
    assert left not in set(bundle_store.digests(store))


def test_packages_stay_as_long_as_it_is_not_known_what_requires_them(env: Environment) -> None:
    store, bundle = bundle_store.store(), a_bundle(f"def agent(request):\n    return '{a_slug()}'\n")
    publish(env, an_agent(env), "1.0.0", bundle=bundle)
    lost, packages = hashlib.sha256(bundle).hexdigest(), packages_for(a_requirement())
    bundle_store.remove(store, lost)
    try:
        assert f"the bundle {lost} of a version isn't there" in said(ends_with=1)
        assert [store.exists(key) for key in packages] == [True, True]
    finally:
        bundle_store.keep(bundle)
