"""Why: for an id of anything, what has led to its state, where it waits and what can be done, told from rows."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path.dead_letters import Databases
from functions.domain.why import accounts, events, instances, runs, versions
from functions.domain.why.findings import Answer

USER: Final = "user_psql"
SHARED: Final = "shared_psql"


def explain(databases: Databases, an_id: str) -> Answer:
    """Return why what has this id is as it is. Raises NothingKnown."""
    return _KINDS[an_id.partition("_")[0]](databases, an_id)


def _shared(of: Callable[[SharedDb, str], Answer]) -> Callable[[Databases, str], Answer]:
    return lambda databases, an_id: of(SharedDb(databases[SHARED]), an_id)


_KINDS: Final[Mapping[str, Callable[[Databases, str], Answer]]] = {
    "evt": events.explain,
    "ded": events.of_dead_letter,
    "run": _shared(runs.explain),
    "msg": _shared(runs.of_message),
    "ins": _shared(instances.explain),
    "ver": _shared(versions.explain),
    "usr": lambda databases, an_id: accounts.explain(UserDb(databases[USER]), SharedDb(databases[SHARED]), an_id),
    "ses": lambda databases, an_id: accounts.of_session(UserDb(databases[USER]), an_id),
}

PATTERN: Final = rf"^({'|'.join(_KINDS)})_[0-9a-f]{{32}}$"
"""What the ids look like that can be explained."""


def is_known_kind(text: str) -> bool:
    """Return whether a text is an id of something that can be explained."""
    return re.match(PATTERN, text) is not None
