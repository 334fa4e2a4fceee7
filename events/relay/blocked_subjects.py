"""Subjects that wait: where an event could not be published, those after it may not overtake it, if its type says so.

What waits is parked behind it, with the reason `behind`, and leaves one by one in the order in which it was written
when the first is redriven or discarded. Whether a subject waits is in the table alone, so that it survives the relay.
"""

import time
from typing import Final

from core.configuration import setting
from events.relay.outbox_reader import OutboxReader
from events.relay.outbox_records import OutboxRecord, Page, Unpublishable

LOOK: Final = 0.5
"""Seconds between two looks at what may leave, while anything waits."""

BEHIND: Final = "behind"


def blocking_types() -> frozenset[str]:
    """Return the types of which an event that can't be published holds back those after it."""
    return frozenset(filter(None, setting("BLOCKING_TYPES", "").replace(" ", "").split(",")))


class BlockedSubjects:
    """The subjects that wait for a parked event, as far as this relay knows: all that do, and perhaps more."""

    def __init__(self, reader: OutboxReader) -> None:
        """Read which subjects wait."""
        self.reader = reader
        self.subjects = set(reader.waiting())
        self._looked_at = float("-inf")

    def is_due(self) -> bool:
        """Return whether to look for released events; all pages before have to be settled then."""
        return bool(self.subjects) and time.monotonic() - self._looked_at >= LOOK

    def part(
        self, records: list[OutboxRecord], outstanding: set[str]
    ) -> tuple[list[OutboxRecord], list[Unpublishable]]:
        """Return as many records of a page as may be dealt with together, and which of them have to wait.

        Of a subject that can pause one is on its way at a time: it may come back, and those after it may not be gone.
        """
        taken: list[OutboxRecord] = []
        behind: list[Unpublishable] = []
        for record in records:
            if record.subject in self.subjects:
                behind.append(Unpublishable(record, BEHIND, "an earlier event of its subject is parked"))
            elif record.subject in outstanding:
                break
            elif record.subject:
                outstanding.add(record.subject)
            taken.append(record)
        return taken, behind

    def held_back(self, refused: Unpublishable) -> None:
        """Block the subject of an event that was parked, if its type is a blocking one."""
        if refused.record.subject:
            self.subjects.add(refused.record.subject)

    def released(self) -> list[OutboxRecord]:
        """Return the records that can be published now: the first of each subject that is no longer blocked."""
        self._looked_at = time.monotonic()
        self.subjects = set(self.reader.waiting())
        return self.reader.released() if self.subjects else []

    def left(self, page: Page) -> None:
        """Resolve the records of a page of `released` that were published and not returned."""
        back = {refused.record.seq for refused in page.unpublishable}
        self.reader.resolve([record.seq for record in page.records if record.seq not in back])
        self._looked_at = float("-inf")
