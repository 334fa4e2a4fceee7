"""What both databases need so that an event which can't be published holds back those after it of its subject."""

from typing import Final

from migrations import letters, released

_COLUMNS: Final = """
alter table parked_events
  add column pausing boolean not null default false,
  add column released timestamptz;
create index parked_events_pausing_idx on parked_events (subject, seq) where pausing and resolution is null;
comment on column parked_events.pausing is 'later events of its subject wait behind it, with the reason `behind`';
comment on column parked_events.released is 'when it was redriven, of one that pauses: the relay sends it in its turn';
grant update (reason, detail, released, resolution, resolved_by, resolved_at) on parked_events to botberi_relay;
"""

_CHANGES: Final = (
    (
        "  ), parked as (",
        """\
  ), released as (
    update parked_events p set released = clock_timestamp(), resolved_by = resolver, why = grounds
    where p.letter_id = any(letters) and p.resolution is null and p.pausing and how = 'redriven' returning p.letter_id
  ), parked as (""",
    ),
    (
        "and p.resolution is null returning p.*",
        "and p.resolution is null and not (p.pausing and how = 'redriven') returning p.*",
    ),
    (
        "select s.letter_id from stuck s order by s.letter_id;",
        "select s.letter_id from stuck s union all select r.letter_id from released r order by 1;",
    ),
)
"""What is different in the function that resolves letters."""

_DOWNGRADE: Final = """
drop index parked_events_pausing_idx;
revoke update (reason, detail, released, resolution, resolved_by, resolved_at) on parked_events from botberi_relay;
alter table parked_events drop column pausing, drop column released;
"""


def _before() -> str:
    """Return the function that resolves letters as it was."""
    return released.functions(letters.upgrade(""), "resolve_letters", "-- The release before this one")


def _after() -> str:
    """Return it as it has to be: one that pauses stays where it is, marked, and leaves in its turn."""
    text = _before()
    for old, new in _CHANGES:
        if text.count(old) != 1:
            message = f"resolve_letters has changed: {old!r}"
            raise ValueError(message)
        text = text.replace(old, new)
    return text


def upgrade() -> str:
    """Return what makes it."""
    return _COLUMNS + _after()


def downgrade() -> str:
    """Return what takes it back: what was waiting in its turn is parked like any other."""
    return _before() + _DOWNGRADE
