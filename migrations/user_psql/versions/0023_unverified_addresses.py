"""Whoever writes mails knows whether the present address was asked for its consent."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Let subscribers read when it was given."""
    op.execute("grant select (consented_at) on email_changes to botberi_subscribers")
    op.execute(
        "comment on column email_changes.consented_at is 'when the token was used that was sent to the present address,"
        " or when the change was asked for, if that address was never verified'"
    )


def downgrade() -> None:
    """Take it back."""
    op.execute("revoke select (consented_at) on email_changes from botberi_subscribers")
    op.execute(
        "comment on column email_changes.consented_at is 'when the token was used that was sent to the present address'"
    )
