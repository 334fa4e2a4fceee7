"""Events about what accounts may have, from shared_psql."""

from typing import Annotated

from pydantic import Field

from events.event import Event


class AccountLimitsChanged(
    Event, type="com.botberi.account_limits.changed.v1", subject="account_id", produced_by=("shared_psql/admin",)
):
    """An administrator changed how much an account may have.

    Said when that is so. What the account has already stays, also when it is more.
    """

    account_id: str
    """The account, `usr_…`."""
    limits: Annotated[dict[str, int], Field(examples=[{"instances": 200}])]
    """The account's own limits from now on, by their names; for what isn't there, it is the installation's."""
    reason: str
    """Why, in the words of whoever did it; the account's owner may see them."""
