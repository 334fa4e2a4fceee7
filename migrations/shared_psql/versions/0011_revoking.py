"""A revoked session is remembered by one function: nobody takes it off the list before its tokens have expired."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the function, and take away what went past it."""
    op.execute("""
        -- Remembers a session until `expires`, or until the later end that is known of it already, and forgets those
        -- whose last access token has expired.
        create function remember_revoked(session text, expires timestamptz) returns void language sql security definer
        set search_path = public, pg_temp as $$
          delete from revoked_sessions where expires_at < now();
          insert into revoked_sessions as known (session_id, expires_at) values (session, expires)
          on conflict (session_id) do update set expires_at = greatest(known.expires_at, excluded.expires_at)
        $$;
        revoke all on function remember_revoked from public;
        grant execute on function remember_revoked to botberi_subscribers;
        revoke insert, delete on revoked_sessions from botberi_subscribers;
    """)


def downgrade() -> None:
    """Take it back."""
    op.execute("""
        grant insert, delete on revoked_sessions to botberi_subscribers;
        drop function remember_revoked;
    """)
