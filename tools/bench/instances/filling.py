"""Instances and agents as rows, in any number: copies of one instance that was really created.

Whatever is looked for occurs as often in a database with few rows as in one with many, so that both find the same.
"""

from collections.abc import Mapping
from typing import Final

from core.postgres.pipelined import DiscreetNative
from functions.domain.instances.deadlines import SETTLED

FEW: Final = 100
SOME: Final = 1000

OFTEN: Final = 50
"""Instances of MINE."""

RARELY: Final = 20
"""Instances that failed, are stuck or set apart, have the rare label or are of the other agent; agents with the rare
word or tag."""

MINE: Final = f"usr_{1:032x}"

CONFIG: Final = {"greeting": "Good day, what can I do for you?", "prefix": "You said: "}
LABELS: Final = {"team": "blue", "tier": "basic"}
RARE_LABEL: Final = {"tier": "gold"}
OTHER_AGENT: Final = "faq"

RARE_NAME: Final = "heliograph"
RARE_WORD: Final = "heliotrope"
RARE_TAG: Final = "tag-1"

TABLES: Final[Mapping[str, str]] = {
    "instances": "id",
    "instance_specs": "instance_id",
    "instance_secrets": "instance_id",
    "instance_events": "instance_id",
}
"""What an instance is made of, with the column that has its id."""

Pattern = Mapping[str, list[str]]
"""The rows of an instance as JSON, by table."""


def instance_id(number: int) -> str:
    """Return the id of an instance that was filled in."""
    return f"ins_{number:032x}"


def name(number: int) -> str:
    """Return the name of an instance that was filled in."""
    return f"Bench {number}"


def pattern(connection: DiscreetNative, of_instance: str) -> Pattern:
    """Return the rows of an instance."""
    rows = "select to_json(t)::text from {table} t where {column} = :id"
    return {
        table: [row for (row,) in connection.run(rows.format(table=table, column=column), id=of_instance) or []]
        for table, column in TABLES.items()
    }


_INSTANCES: Final = """
insert into instances
select made.* from generate_series(cast(:first as integer), cast(:last as integer)) as n,
  (select cast(:often as integer) as often, cast(:rarely as integer) as rarely) as every,
  (select agents.id, agent_versions.id as version_id from agents join agent_versions on agent_id = agents.id
   where slug = :other_agent) as other,
  json_populate_record(null::instances, cast(:row as json)) as pattern,
  json_populate_record(pattern, json_build_object(
    'id', 'ins_' || lpad(to_hex(n), 32, '0'),
    'owner_id', case mod(n, often) when 0 then :mine
      else 'usr_' || lpad(to_hex(100 + mod(n, often)), 32, '0') end,
    'agent_id', case mod(n, rarely) when 3 then other.id else pattern.agent_id end,
    'version_id', case mod(n, rarely) when 3 then other.version_id else pattern.version_id end,
    'name', 'Bench ' || n,
    'labels', json_build_object(
      'team', case mod(n / often, 2) when 0 then 'blue' else 'red' end,
      'tier', case mod(n, rarely) when 2 then 'gold' else 'basic' end),
    'status', case mod(n, rarely) when 1 then 'failed' else pattern.status end,
    'attempts', case mod(n, rarely) when 1 then 5 else 0 end,
    'deadline_at', case mod(n, rarely) when 4 then now() end,
    'quarantined_at', case mod(n, rarely) when 0 then now() end,
    'quarantined_by', case mod(n, rarely) when 0 then 'usr' end,
    'quarantine_reason', case mod(n, rarely) when 0 then 'spam' end,
    'due_at', now() + random() * make_interval(secs => cast(:settled as integer))
  )) as made
"""

_OTHERS: Final = """
insert into {table}
select made.* from generate_series(cast(:first as integer), cast(:last as integer)) as n,
  json_populate_record(null::{table}, cast(:row as json)) as pattern,
  json_populate_record(pattern, json_build_object(
    'id', 'evt_' || lpad(to_hex(n * 16 + cast(:place as integer)), 32, '0'),
    'instance_id', 'ins_' || lpad(to_hex(n), 32, '0')
  )) as made
"""
"""Members that a table has no column for don't matter."""

_AGENTS: Final = """
insert into agents (id, slug, name, summary, description, tags, capabilities)
select 'agt_' || lpad(to_hex(n), 32, '0'), 'many-' || n,
  concat_ws(' ', 'Agent', case mod(n, rarely) when 2 then :name end, n),
  concat_ws(' ', 'Does', md5(n::text), case mod(n, rarely) when 3 then :word end), repeat(md5(n::text), 9),
  array['tag-' || mod(n, rarely)], array['can-' || mod(n, rarely)]
from generate_series(cast(:first as integer), cast(:last as integer)) as n,
  (select cast(:rarely as integer) as rarely) as every
"""


_INDEXES: Final = """
select indexname, indexdef from pg_indexes
where schemaname = 'public' and tablename = 'agents' and indexdef like '% USING gin %'
"""


def fill(connection: DiscreetNative, rows: Pattern, first: int, last: int, *, size: int) -> None:
    """Add instances, and as many agents, with these numbers to a database that is to have `size` of them."""
    span = {"first": first, "last": last}
    rarely = size // RARELY
    [row] = rows["instances"]
    facts = {"mine": MINE, "other_agent": OTHER_AGENT, "settled": SETTLED, "often": size // OFTEN, "rarely": rarely}
    connection.run(_INSTANCES, row=row, **span, **facts)
    for table in TABLES.keys() - {"instances"}:
        for place, row in enumerate(rows[table]):
            connection.run(_OTHERS.format(table=table), row=row, place=place, **span)
    # Made anew when the rows are there: one by one, what is searched by takes ten times as long.
    indexes = connection.run(_INDEXES) or []
    for name, _ in indexes:
        connection.run(f"drop index {name}")
    connection.run(_AGENTS, name=RARE_NAME, word=RARE_WORD, rarely=rarely, **span)
    for _, definition in indexes:
        connection.run(definition)
