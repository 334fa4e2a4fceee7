"""The header Prefer (RFC 7240): how long the caller would wait for a reply."""

import re
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from functions.runtime.providers.base import Call, Provider, Schema, Schemas, header

LONGEST: Final = 30
"""Seconds that an answer is waited for, however long the caller would."""

_WAIT: Final = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Preferences:
    """What the header says."""

    wait: int | None
    """For how many seconds an answer is waited for; None for not at all."""


class Prefer(Provider):
    """Fills a parameter that is a `Preferences`."""

    types = (Preferences,)

    @override
    def value(self, call: Call) -> Preferences:
        """Return what the header says. As the RFC has it, what isn't understood is passed over."""
        found = _WAIT.search(", ".join(call.request.headers.getlist("Prefer")))
        return Preferences(None if found is None else min(int(found[1]), LONGEST))

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the header as a parameter."""
        about = f"`wait=N`: wait up to N seconds for what is to come, {LONGEST} at most."
        return {"parameters": [header("Prefer", about)]}
