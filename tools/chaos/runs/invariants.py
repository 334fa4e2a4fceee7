"""What must hold."""

from typing import Final

INVARIANTS: Final = {
    "complete": "every reader was told every event, once and in its order, as the rows have it",
    "numbered": "the events of a run are numbered from 1 to its last, without a gap",
    "alike": "the text is one, by its SHA-256, to all readers, in the row and as the agent says that it said it",
    "true": "the status, its reason and its attempts are what the agent says that happened",
    "once": "no attempt was called twice, and none was made that the version doesn't allow",
    "settled": "nothing is queued, leased or reserved {seconds} s after the last kill",
    "single": "a message that was sent twice with its key made one run",
    "delivered": "every status of a run was told by one event, and nothing was given up",
    "orderly": "nobody was answered 500 or waited for ever, nothing ended by itself, and no log tells of an error",
}
"""By their names in the table and in violations."""
