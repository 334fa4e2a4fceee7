"""However large the catalog, a search reads what it finds and not all that there is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from functions.domain.catalog import agents
from functions.domain.catalog.agents import Tier, Wanted
from functions.domain.databases import SharedDb
from migrations.databases import connect
from testing.environment import Environment

MANY = text("""
insert into agents (id, slug, name, summary, description, tags, capabilities)
select 'agt_many' || n, 'many-' || n, 'Agent number ' || n, 'Does ' || md5(n::text), repeat(md5(n::text) || ' ', 9),
  array['tag-' || n % 500], array['can-' || n % 500]
from generate_series(1, 5000) as n
""")


@pytest.fixture(scope="module")
def many(env: Environment) -> Iterator[SharedDb]:
    """A catalog of 5,000 agents and statistics of it, until they are rolled back."""
    with connect("shared_psql", "migrator").connect() as db:
        db.execute(MANY)
        db.execute(text("analyze agents"))
        yield SharedDb(db)
        db.rollback()


def indexes(db: SharedDb, tier: Tier, wanted: Wanted) -> set[str]:
    """Return the indexes by which the agents of a tier are found; `none` if all agents are read."""
    query = agents.searching(tier, wanted).limit(21)
    sql = query.compile(dialect=db.dialect, compile_kwargs={"literal_binds": True})
    plan = db.exec_driver_sql(f"explain (format json) {sql}").scalar_one()
    return set(_used(json.loads(plan) if isinstance(plan, str) else plan))


def _used(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for each in plan:
            yield from _used(each)
    elif isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan" and plan.get("Relation Name") == "agents":
            yield "none"
        if "agents" in plan.get("Index Name", ""):
            yield plan["Index Name"]
        for each in plan.values():
            yield from _used(each)


@pytest.mark.parametrize(
    ("tier", "wanted", "index"),
    [
        (Tier.OTHERS, Wanted("c4ca4238"), "agents_searched_idx"),
        (Tier.OTHERS, Wanted("agent c4ca4238"), "agents_searched_idx"),
        (Tier.OTHERS, Wanted("4ca42"), "agents_searched_idx"),
        (Tier.NAMED, Wanted("x9"), "agents_names_idx"),
        (Tier.NAMED, Wanted("agent"), "agents_pkey"),
        (Tier.OTHERS, Wanted(tag="tag-7"), "agents_tags_idx"),
        (Tier.OTHERS, Wanted(capability="can-7"), "agents_capabilities_idx"),
        (Tier.OTHERS, Wanted(), "agents_pkey"),
    ],
)
def test_an_index_leads_to_what_is_found(many: SharedDb, tier: Tier, wanted: Wanted, index: str) -> None:
    assert {each for each in indexes(many, tier, wanted) if each == "none" or each.startswith("agents_")} == {index}
