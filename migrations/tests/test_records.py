from typing import get_args

import pytest
from sqlalchemy import Table

from shared_psql_models.agents import Agent, AgentVersion, agent_versions, agents
from shared_psql_models.instances import Instance, InstanceEvent, instance_events, instances
from shared_psql_models.publishers import Publisher, publishers
from shared_psql_models.tables import Record

RECORDS: dict[type[Record], Table] = {
    Agent: agents,
    AgentVersion: agent_versions,
    Instance: instances,
    InstanceEvent: instance_events,
    Publisher: publishers,
}


@pytest.mark.parametrize(("record", "table"), RECORDS.items(), ids=[each.__name__ for each in RECORDS])
def test_the_model_of_a_row_has_the_table_s_columns(record: type[Record], table: Table) -> None:
    fields = {name: type(None) in get_args(field.annotation) for name, field in record.model_fields.items()}
    # What Postgres computes is there to be searched, and not read.
    read = (column for column in table.columns if column.computed is None)
    assert fields == {column.name: column.nullable for column in read}
