"""The entry of a call in the audit trail, for a handler that has more to say than the request does."""

from typing_extensions import override

from functions.runtime.auditing import Audit
from functions.runtime.providers.base import Call, Provider

__all__ = ["Audit"]


class OfCall(Provider):
    """Fills a parameter that is an `Audit`."""

    types = (Audit,)

    @override
    def value(self, call: Call) -> Audit:
        """Return that of the call."""
        return call.audit
