"""Events about publishers: the other systems that may publish events, from shared_psql."""

from events.event import Event


class PublisherCreated(
    Event, type="com.botberi.publisher.created.v1", subject="publisher_id", produced_by=("shared_psql/admin",)
):
    """An administrator let another system publish events.

    Said when it was given its first key. The key itself is in no event.
    """

    publisher_id: str
    """The new publisher, `pub_…`."""
    name: str
    """What administrators call it."""
    sources: list[str]
    """The sources that it may name, and what is below them."""
    types: list[str]
    """The only types that it may publish; empty for all that its scopes allow."""
    scopes: list[str]
    """What it was given beside the right to publish."""


class PublisherKeyRotated(
    Event, type="com.botberi.publisher_key.rotated.v1", subject="publisher_id", produced_by=("shared_psql/admin",)
):
    """An administrator gave a publisher another key.

    Said when the new key is good. The old one is so for a while longer, or not at all.
    """

    publisher_id: str
    """The publisher, `pub_…`."""
    overlap_seconds: int
    """For how long the old key is good beside the new one."""


class PublisherRevoked(
    Event, type="com.botberi.publisher.revoked.v1", subject="publisher_id", produced_by=("shared_psql/admin",)
):
    """An administrator ended a publisher: none of its keys is good any more.

    Said when it happens, which is also when it takes effect.
    """

    publisher_id: str
    """The publisher, `pub_…`."""
    reason: str
    """The reason that the administrator gave."""
