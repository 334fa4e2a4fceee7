"""Subjects that wait: where an event could not be published, those after it may not overtake it, if its type says so.

What waits is parked behind it, with the reason `behind`, and leaves one by one in the order in which it was written
when the first is redriven or discarded. Whether a subject waits is in the table alone, so that it survives the relay.
"""

import time
from typing import Final

from core.configuration import setting
from events.relay.letters import Letter, Page, Unpublishable
from events.relay.outbox_reader import OutboxReader

LOOK: Final = 0.5
"""Seconds between two looks at what may leave, while anything waits."""

BEHIND: Final = "behind"


def pausing_types() -> frozenset[str]:
    """Return the types of which an event that can't be published holds back those after it."""
    return frozenset(filter(None, setting("PAUSING_TYPES", "").replace(" ", "").split(",")))


class Paused:
    """The subjects that wait, as far as this relay knows: at least those that do."""

    def __init__(self, reader: OutboxReader) -> None:
        """Read which subjects wait."""
        self.reader = reader
        self.subjects = set(reader.waiting())
        self._looked_at = float("-inf")

    def is_due(self) -> bool:
        """Tell whether to look what may leave; everything before has to be settled then."""
        return bool(self.subjects) and time.monotonic() - self._looked_at >= LOOK

    def part(self, letters: list[Letter], outstanding: set[str]) -> tuple[list[Letter], list[Unpublishable]]:
        """Return as many letters of a page as may be dealt with together, and which of them have to wait.

        Of a subject that can pause one is on its way at a time: it may come back, and those after it may not be gone.
        """
        taken: list[Letter] = []
        behind: list[Unpublishable] = []
        for letter in letters:
            if letter.subject in self.subjects:
                behind.append(Unpublishable(letter, BEHIND, "an earlier event of its subject is parked"))
            elif letter.subject in outstanding:
                break
            elif letter.subject:
                outstanding.add(letter.subject)
            taken.append(letter)
        return taken, behind

    def held_back(self, refused: Unpublishable) -> None:
        """Let the subject of what is parked wait, if its type says so."""
        if refused.letter.subject:
            self.subjects.add(refused.letter.subject)

    def released(self) -> list[Letter]:
        """Return what may leave now: the first of each subject that nothing holds back any more."""
        self._looked_at = time.monotonic()
        self.subjects = set(self.reader.waiting())
        return self.reader.released() if self.subjects else []

    def left(self, page: Page) -> None:
        """Take note that those letters of a page of `released` have left which did not come back."""
        back = {refused.letter.seq for refused in page.unpublishable}
        self.reader.resolve([letter.seq for letter in page.letters if letter.seq not in back])
        self._looked_at = float("-inf")
