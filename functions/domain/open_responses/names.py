"""Ids of Open Responses: each is made of a run's id, so that it leads back to it.

A run has several responses if its agent asks for something: each answer begins the next part of the run.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

_RESPONSE: Final = re.compile(r"resp_([0-9a-f]{32})(?:_([1-9][0-9]{0,4}))?")
_ITEM: Final = re.compile(r"fc_([0-9a-f]{32})_[0-9]{1,18}")

ItemKind = Literal["msg", "fc", "fco", "tool", "data"]
"""A message, a call of the client's tool and what it gave, a call of a tool of the agent's own, and data."""


@dataclass(frozen=True)
class Named:
    """The part of a run that a response is."""

    run_id: str
    part: int = 0

    @property
    def id(self) -> str:
        """The id of the response."""
        return f"resp_{_bare(self.run_id)}{f'_{self.part}' if self.part else ''}"


def named(response_id: str) -> Named | None:
    """Return the part of a run that an id names; None for what is no id of a response."""
    found = _RESPONSE.fullmatch(response_id)
    return Named(f"run_{found[1]}", int(found[2] or 0)) if found else None


def item_id(kind: ItemKind, run_id: str, sequence: int) -> str:
    """Return the id of the item that begins with an event of a run."""
    return f"{kind}_{_bare(run_id)}_{sequence}"


def run_of_call(call_item_id: str) -> str | None:
    """Return the id of the run in which an item that calls a tool of the client's stands."""
    found = _ITEM.fullmatch(call_item_id)
    return f"run_{found[1]}" if found else None


def _bare(run_id: str) -> str:
    return run_id.partition("_")[2]
