"""Seeding the catalog."""

import json
from pathlib import Path

import pytest

from functions.domain.catalog import samples, versions
from functions.domain.catalog.tests.making import MAIN, a_slug
from functions.domain.databases import SharedDb
from testing.environment import Environment


def written(folder: Path, slug: str, version: str) -> None:
    (folder / slug).mkdir(exist_ok=True)
    (folder / slug / "main.py").write_text(MAIN)
    (folder / slug / "config_schema.json").write_text('{"type": "object"}')
    about = {"name": "A", "summary": "B", "description": "C", "version": version}
    (folder / slug / "agent.json").write_text(json.dumps(about))


def test_seeding_again_publishes_only_what_is_new(env: Environment, tmp_path: Path) -> None:
    slug = a_slug()
    published = []
    for version in ("1.0.0", "1.0.0", "1.1.0"):
        written(tmp_path, slug, version)
        with env.transaction("shared_psql", "admin") as db:
            published.append(samples.seed(SharedDb(db), tmp_path))
    assert published == [[f"{slug} 1.0.0"], [], [f"{slug} 1.1.0"]]
    with env.transaction("shared_psql", "user") as db:
        assert versions.resolve(SharedDb(db), slug, instance_id="ins_1").number == "1.1.0"


@pytest.mark.parametrize("slug", ["echo", "faq", "guide", "mcp-showcase"])
def test_the_sample_agents_are_seeded(env: Environment, slug: str) -> None:
    with env.transaction("shared_psql", "admin") as db:
        samples.seed(SharedDb(db))
    with env.transaction("shared_psql", "user") as db:
        assert versions.resolve(SharedDb(db), slug, instance_id="ins_1").bundle_sha256
