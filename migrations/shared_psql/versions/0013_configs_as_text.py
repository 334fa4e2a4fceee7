"""Configs and their schemas stay as they were sent; versions that differ in the build alone are the same."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Keep the text of JSON, where jsonb loses the order of members and the form of numbers."""
    op.execute("""
alter table agent_versions alter column config_schema type json using config_schema::json;
alter table agent_versions drop constraint agent_versions_agent_id_number_key;
create unique index agent_versions_agent_id_split_part_idx on agent_versions (agent_id, split_part(number, '+', 1));

alter table instances alter column config type json using config::json;
comment on column instances.config is 'as it was sent, with the schema''s defaults: order and numbers stay';
-- Of a config that was there before nobody has said what is secret, so all of it is.
alter table instances add column secret_places text[] not null default '{""}';
comment on column instances.secret_places is
  'JSON Pointers to the secrets in the config, which nobody is shown; an empty one stands for all of it';
""")


def downgrade() -> None:
    """Put back what was there before."""
    op.execute("""
alter table instances drop column secret_places;
comment on column instances.config is null;
alter table instances alter column config type jsonb using config::jsonb;

drop index agent_versions_agent_id_split_part_idx;
alter table agent_versions add constraint agent_versions_agent_id_number_key unique (agent_id, number);
alter table agent_versions alter column config_schema type jsonb using config_schema::jsonb;
""")
