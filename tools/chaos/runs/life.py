"""The life of a run: it is asked for, read in every way, answered, cancelled, and seen to its end."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from shared_psql_models.runs import ENDED, RunStatus
from tools.chaos.kills.noted import Noted
from tools.chaos.kills.owners import Answer, Owner, StuckError
from tools.chaos.runs import protocols
from tools.chaos.runs.plan import Wanted
from tools.chaos.runs.readers import Asked, Feed, Follower, Pages, Post, Reader, Stream, Stuck
from tools.documents import Document

REQUESTS: Final = 2
"""Requests that change something in a run's life, about."""

LONGEST: Final = 400
"""Seconds after which a run must have ended."""

_READERS: Final = 4
"""Who read a run at the same time."""

_LOOK: Final = 0.5
"""Seconds between two looks at a run."""


@dataclass(frozen=True)
class Instance:
    """An instance that can be asked."""

    id: str
    owner: Owner


@dataclass(frozen=True)
class Asking:
    """Whom a run is asked of, and by which way."""

    instance: Instance
    address: str
    """Of the API."""
    ledger: int
    """The port at which the agent notes what it does."""
    noted: Noted


@dataclass
class Life:
    """One run, and what its owner has seen of it."""

    wanted: Wanted
    ids: set[str] = field(default_factory=set)
    """What its message was answered with: one, however often it was sent."""
    cancelled: bool = False
    """Whether it was asked to be cancelled."""
    readers: Sequence[Follower] = ()
    shown: Document = field(default_factory=dict)
    """The run as it was read last."""
    is_over: bool = False

    @property
    def id(self) -> str:
        """The run's id."""
        return min(self.ids)


def live(life: Life, asking: Asking, seed: int) -> None:
    """Live it; what doesn't happen is noted."""
    chance = random.Random(f"{seed} {life.wanted.key}")
    asked = _asked(life, asking)
    try:
        _ask(life, asking, asked)
        life.readers = [_reader(kind, life, chance, asking, asked) for kind in _kinds(life.wanted, chance)]
        with ThreadPoolExecutor(len(life.readers)) as pool:
            reading = [pool.submit(each.follow, asking.noted.ended) for each in life.readers]
            _see_through(life, asking)
            for each in reading:
                each.result()
    except (StuckError, Stuck) as error:
        asking.noted.wrong("orderly", f"{life.wanted.key} {' '.join(life.ids)}", str(error))
    life.is_over = True


def _asked(life: Life, asking: Asking) -> Asked:
    message = {"text": life.wanted.message(asking.ledger)}
    return Asked(asking.instance.id, f"key-of-{life.wanted.key}", message)


def _kinds(wanted: Wanted, chance: random.Random) -> Sequence[type[Reader]]:
    """Return who reads it: some of those who can, and whoever alone can."""
    again: type[Reader] = protocols.AgUi if wanted.by_ag_ui else Post
    # Of a run that asks this is only the first part of several.
    others: list[type[Reader]] = [] if wanted.asks else [protocols.OpenResponses]
    either: list[type[Reader]] = [Stream, Pages, Feed, protocols.A2A, protocols.Mcp, *others]
    return [again, *chance.sample(either, _READERS - 1)]


def _ask(life: Life, asking: Asking, asked: Asked) -> None:
    for _ in range(2 if life.wanted.twice else 1):
        life.ids.add(_begun_by_ag_ui(asking, asked) if life.wanted.by_ag_ui else _begun(asking, asked))


def _begun(asking: Asking, asked: Asked) -> str:
    """Send the message; return the run's id. Raises StuckError."""
    answer = asking.instance.owner.ask("POST", asked.path, asked.message, {"Idempotency-Key": asked.key})
    if answer.status != HTTPStatus.ACCEPTED:
        message = f"the message was answered {answer.status}: {answer.body}"
        raise StuckError(message)
    return str(answer.body["id"])


def _begun_by_ag_ui(asking: Asking, asked: Asked) -> str:
    """Begin the run by AG-UI, and leave; return the run's id, which AG-UI has no place for. Raises StuckError."""
    owner, path = asking.instance.owner, f"/v1/instances/{asked.instance_id}"
    owner.begin_stream("POST", f"{path}/ag-ui", asked.by_ag_ui)
    cursor = ""
    while True:
        page = owner.ask("GET", f"{path}/runs?limit=100{cursor}").body
        for each in page["items"]:
            if each["asked"] == asked.message["text"]:
                return str(each["id"])
        if page["next_cursor"] is None:
            message = "a run that was begun by AG-UI isn't there"
            raise StuckError(message)
        cursor = f"&cursor={page['next_cursor']}"


def _reader(kind: type[Reader], life: Life, chance: random.Random, asking: Asking, asked: Asked) -> Reader:
    own = random.Random(chance.random())
    return kind(life.id, asked, asking.instance.owner, asking.address, own, life.wanted.seconds)


def _see_through(life: Life, asking: Asking) -> None:
    """Answer what is asked, and cancel, until the run has ended. Raises StuckError."""
    owner, path = asking.instance.owner, f"/v1/runs/{life.id}"
    began, after = time.monotonic(), life.wanted.cancel_after
    while not asking.noted.ended.is_set():
        life.shown = owner.ask("GET", path).body
        if life.shown["status"] in ENDED:
            return
        waited = time.monotonic() - began
        if waited > LONGEST:
            message = f"it is {life.shown['status']} after {waited:.0f} s: {life.shown['explanation']}"
            raise StuckError(message)
        if after is not None and not life.cancelled and waited > after:
            life.cancelled = True
            _expect(owner.ask("POST", f"{path}/cancel"), "run_ended")
        elif life.shown["status"] == RunStatus.INPUT_REQUIRED:
            request = life.shown["request"]
            given = {"id": request["id"], "value": request["schema"]["const"]}
            # Whoever isn't told that it was taken says it again.
            _expect(owner.ask("POST", f"{path}/input", given), "nothing_asked")
        time.sleep(_LOOK)


def _expect(answer: Answer, otherwise: str) -> None:
    if answer.status != HTTPStatus.ACCEPTED and answer.code != otherwise:
        message = f"it was answered {answer.status}: {answer.body}"
        raise StuckError(message)
