"""Put the sample agents into the catalog, each packed from its folder; doing it again brings back what is missing."""

import json
from pathlib import Path
from typing import Final

from sqlalchemy import select

from functions.domain.catalog import agents, bundle_store, bundles, releases
from functions.domain.catalog.releases import Declared
from functions.domain.databases import SharedDb
from shared_psql_models.agents import agent_versions
from shared_psql_models.agents import agents as agent_rows

FOLDER: Final = Path(__file__).resolve().parents[2] / "agents"
"""Each folder in it is an agent, and its name the slug: main.py, config_schema.json, and agent.json for the rest."""


def seed(db: SharedDb, folder: Path = FOLDER) -> list[str]:
    """Create the agents and publish the versions that are missing; return what was published: `["echo 1.0.0"]`.

    Bundles that were lost are kept again. Raises BundleStoreUnavailable.
    """
    return [published for about in sorted(folder.glob("*/agent.json")) for published in _seed_one(db, about)]


def _seed_one(db: SharedDb, about: Path) -> list[str]:
    says = json.loads(about.read_text(encoding="utf-8"))
    slug, number = about.parent.name, says["version"]
    if db.scalar(select(agent_rows.c.id).where(agent_rows.c.slug == slug)) is None:
        told = {name: says[name] for name in ("name", "summary", "description", "tags", "capabilities") if name in says}
        agents.create(db, slug, **told)
    bundle = bundles.bundle(about.parent)
    known = select(agent_versions.c.id).join(agent_rows, agent_rows.c.id == agent_versions.c.agent_id)
    if db.scalar(known.where(agent_rows.c.slug == slug, agent_versions.c.number == number)) is not None:
        bundle_store.keep(bundle)
        return []
    schema = json.loads((about.parent / "config_schema.json").read_text(encoding="utf-8"))
    declared = Declared(**{name: says[name] for name in ("changelog", "retries", "interface") if name in says})
    release = releases.checked(number, config_schema=schema, bundle=bundle, declared=declared)
    releases.publish(db, slug, release)
    return [f"{slug} {number}"]
