"""What both databases need so that knowing who may say what costs an event next to nothing.

To look into a table for it took longer than all else that emitting does. A function that returns a constant becomes a
part of the expression, and whoever replaces it has every plan made anew.
"""

import json
from typing import Final

from events.catalog.load import load
from events.event import EVERYBODY
from migrations import speaking

OWN: Final = "own"

OUTSIDE: Final = "outside"
"""On behalf of another system, which has to be named as the source."""

_EMIT: Final = """
drop table event_speakers;
create function event_speakers() returns jsonb language sql immutable as $$ select '{}'::jsonb $$;
comment on function event_speakers is 'which role says which type, `own` or `outside`: written with every migration';
revoke all on function event_speakers from public;

-- Whoever may write events may call this and nothing else: the outbox itself can be read by the relay alone.
--
-- A role says the types that `event_speakers` gives it, as this database, or if they are of other systems as one of
-- these. A type that isn't listed there is nobody's: the relay parks it, unless its catalog is the newer one.
-- Where an event goes is for the exchange to say; a recipient is named for what is addressed to Postgres, and for the
-- relay's probe. Who acted the parts say of those whom they serve; the relay serves nobody.
create or replace function emit_event(
  type text, subject text, data jsonb,
  id text default null, traceparent text default null, correlationid text default null,
  causationid text default null, actor text default 'system', source text default null,
  recipient text default null, channel text default null
) returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare
  event_id text := coalesce(emit_event.id, 'evt_' || replace(gen_random_uuid()::text, '-', ''));
  size integer := octet_length(emit_event.data::text);
  body jsonb := emit_event.data;
begin
  -- Without a query in it, plpgsql evaluates it by itself.
  if ((event_speakers()->emit_event.type->>session_user::text) is distinct from
        case when emit_event.source is null then 'own' else 'outside' end
      and (emit_event.source is not null or event_speakers() ? emit_event.type)
      or emit_event.source ~* '^[/.]*botberi([^a-z0-9_-]|$)'
      or coalesce(emit_event.recipient, emit_event.channel) is not null and session_user <> 'botberi_relay'
        and not (session_user = 'botberi_broker' and emit_event.channel is not null
                 and emit_event.recipient like 'botberi.notify.%')
      or (emit_event.actor in ('relay', 'foreign')) <> (session_user = 'botberi_relay' and emit_event.actor <> 'system')
     ) and not pg_has_role(session_user, current_user, 'usage') then
    raise exception '% may not say % so: see event_speakers()', session_user, emit_event.type
      using errcode = 'insufficient_privilege';
  elsif jsonb_typeof(body) is distinct from 'object' then
    raise exception 'the data of an event is a JSON object' using errcode = 'invalid_parameter_value';
  elsif size > 16777216 then
    raise exception 'the data of an event is 16 MiB at most, not %', size using errcode = 'program_limit_exceeded';
  elsif size > 65536 then
    -- The same source and id are the same event, also when it comes again after its id was forgotten.
    insert into outbox_bodies as kept (source, id, data)
    values (coalesce(emit_event.source, '/botberi/{database}'), event_id, body)
    on conflict on constraint outbox_bodies_pkey do update set data = excluded.data, created = excluded.created;
    body := null;
  end if;
  insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                      recipient, channel)
  values (event_id, emit_event.source, emit_event.type, emit_event.subject, emit_event.subject, body,
          emit_event.traceparent, emit_event.correlationid, emit_event.causationid, emit_event.actor,
          emit_event.recipient, emit_event.channel);
  -- What ring_relay does, whose call took a fifth of the time.
  if pg_try_advisory_xact_lock_shared(7166423302) then
    notify botberi_outbox;
  end if;
  return event_id;
end $$;
"""


def upgrade(database: str) -> str:
    """Return what makes it in `database`, `user_psql` or `shared_psql`."""
    return _EMIT.replace("{database}", database)


def downgrade(database: str) -> str:
    """Return what takes it back."""
    return "drop function event_speakers;\n" + speaking.table() + speaking.function(database)


def speakers(database: str) -> dict[str, dict[str, str]]:
    """Return which roles say a type in `database`, and how, for every type of the catalog."""
    found: dict[str, dict[str, str]] = {}
    for name, model in load().items():
        said = [each.partition("/")[2] for each in model.said_by if each.startswith(f"{database}/")]
        # What comes as a bare NOTIFY is from somebody who may connect, and nothing more is known of them.
        said += ["relay"] if model.scope == EVERYBODY else []
        found[name] = {f"botberi_{role}": OWN if model.scope is None else OUTSIDE for role in said}
    return found


def written(database: str) -> str:
    """Return the function that says so, to be put in the place of the one before."""
    constant = json.dumps(speakers(database), sort_keys=True).replace("'", "''")
    head = "create or replace function event_speakers() returns jsonb language sql immutable as"
    return f"{head} $$ select '{constant}'::jsonb $$"
