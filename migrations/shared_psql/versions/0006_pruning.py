"""What is no longer of use is forgotten: the subscribers may delete it, and see no more of it than they need."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Grant it, and let what is old be found without reading everything: rows stand in the order of their age."""
    op.execute("""
        create index inbox_received_idx on inbox using brin (received);
        create index idempotency_keys_created_idx on idempotency_keys using brin (created);
        grant select (caller, key, created), delete on idempotency_keys to botberi_subscribers;
        grant delete on inbox to botberi_subscribers;
        grant select, delete on cron_slots to botberi_subscribers;
    """)


def downgrade() -> None:
    """Take it back."""
    op.execute("""
        revoke select, delete on cron_slots from botberi_subscribers;
        revoke delete on inbox from botberi_subscribers;
        revoke select (caller, key, created), delete on idempotency_keys from botberi_subscribers;
        drop index idempotency_keys_created_idx;
        drop index inbox_received_idx;
    """)
