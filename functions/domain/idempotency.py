"""Keys of repeated requests: what whoever uses one for something else is told."""

from functions.domain.api_errors import Invalid


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used before with another request: use a new key for a new request."""
