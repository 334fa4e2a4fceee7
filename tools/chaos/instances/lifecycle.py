"""A lifecycle: what an owner does with an instance, from its creation to its end, whatever is killed meanwhile."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final
from uuid import UUID

from shared_psql_models.statuses import DesiredState, Status
from tools.chaos.instances.told import Accepted, Promised
from tools.chaos.kills.noted import Noted
from tools.chaos.kills.owners import TIMEOUT, Answer, Owner, StuckError
from tools.documents import Document
from tools.local.wait import until

AGENT: Final = "echo"

BROKEN: Final = "9.0.0"
"""The number of a version of it that doesn't start."""

SPOILED: Final = 0.25
"""How often an owner changes to that, which is taken back."""

REQUESTS: Final = 15
"""Requests that a lifecycle has served, about."""

PATIENCE: Final = 0.7
"""How often an owner waits until what was asked for is so before going on."""

_LEFT: Final = (DesiredState.DELETED, DesiredState.DELETED, DesiredState.RUNNING, DesiredState.STOPPED)
"""What instances are left as at the end, in turn."""

_POLL: Final = 0.3

_TALK: Final = 0.15
"""Seconds between two messages of an owner who goes on talking."""

_BLAMING: Final = ("agent_failed", "agent_response_invalid")
"""What says that the agent did something wrong."""


class Lifecycle:
    """One of them."""

    def __init__(self, number: int, owner: Owner, seed: int, noted: Noted) -> None:
        """Draw what it does from `seed` and `number` alone."""
        self._chance = random.Random(f"{seed} {number}")
        self._owner = owner
        self._noted = noted
        self._left = _LEFT[number % len(_LEFT)]
        self.promised = Promised(f"lifecycle-{number}", owner.id)
        self.is_over = False

    def run(self) -> None:
        """Live it; what doesn't happen is noted."""
        try:
            self._create()
            self._use()
            self._interrupt()
            self._leave()
        except StuckError as error:
            self._noted.wrong("orderly", self.promised.name, str(error))
        self.is_over = True

    def answers(self, seconds: float) -> bool:
        """Return whether the instance answers a message within that time."""
        return until(self._talk, seconds=seconds, pause=_POLL)

    @property
    def _path(self) -> str:
        return f"/v1/instances/{self._id}"

    @property
    def _id(self) -> str:
        return min(self.promised.ids)

    def _create(self) -> None:
        wanted = {"agent": AGENT, "name": self.promised.name, "config": {"prefix": self.promised.prefix(0)}}
        key = {"Idempotency-Key": str(UUID(int=self._chance.getrandbits(128)))}
        # Some programs send it again though they were answered.
        for _ in range(self._chance.choice((1, 1, 2))):
            answer = self._expect(HTTPStatus.CREATED, self._owner.ask("POST", "/v1/instances", wanted, key))
            self.promised.ids.add(str(answer.body["id"]))

    def _use(self) -> None:
        if self._is_patient():
            self._wait(Status.RUNNING)
            self._talk_until_answered()
        self._change()
        if self._is_patient():
            self._wait(Status.RUNNING)
            self._talk_until_answered()
        self._command("restart", DesiredState.RUNNING)

    def _interrupt(self) -> None:
        with self._talking():
            self._command("stop", DesiredState.STOPPED)
            self._talk()
        if self._is_patient():
            self._wait(Status.STOPPED)
            self._talk()
        self._command("start", DesiredState.RUNNING)
        self._wait(Status.RUNNING)
        if self._chance.random() < SPOILED:
            self._spoil()
        self._talk_until_answered()

    def _leave(self) -> None:
        if self._left == DesiredState.RUNNING:
            return
        with self._talking():
            verb = "stop" if self._left == DesiredState.STOPPED else "delete"
            self._command(verb, self._left)
            self._talk()

    def _is_patient(self) -> bool:
        return self._chance.random() < PATIENCE

    def _command(self, verb: str, desired: DesiredState) -> None:
        """Ask until it is accepted."""
        if desired == DesiredState.RUNNING:
            # It may be accepted by a request that isn't answered.
            self.promised.reopen()
        method, path = ("DELETE", self._path) if verb == "delete" else ("POST", f"{self._path}/{verb}")
        self._expect(HTTPStatus.ACCEPTED, self._owner.ask(method, path))
        self.promised.desired = desired
        if desired != DesiredState.RUNNING:
            self.promised.close()

    def _change(self) -> None:
        self.promised.asked += 1
        patch = {"config": {"prefix": self.promised.prefix(self.promised.asked)}}
        headers = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
        self._expect(HTTPStatus.OK, self._owner.ask("PATCH", self._path, patch, headers))
        self.promised.changes = self.promised.asked

    def _spoil(self) -> None:
        """Change to what doesn't start, and wait until that is taken back."""
        before = self._wait(Status.RUNNING)
        headers = {"Content-Type": "application/merge-patch+json", "If-Match": f'"{before["row_version"]}"'}
        answer = self._owner.ask("PATCH", self._path, {"version": BROKEN}, headers)
        if answer.code != "instance_changed_meanwhile":
            # Otherwise by a request of this owner's that wasn't answered.
            self._expect(HTTPStatus.OK, answer)
        self.promised.spoiled += 1
        self._wait(Status.RUNNING, generation=before["generation"] + 2)

    def _wait(self, status: Status, generation: int = 0) -> Document:
        """Wait until the instance has that status, of what is wanted of it, and of that generation at least."""
        end = time.monotonic() + TIMEOUT
        while True:
            found = self._expect(HTTPStatus.OK, self._owner.ask("GET", self._path)).body
            served = status != Status.RUNNING or found["generation"] == found["observed_generation"]
            if found["status"] == status and served and found["generation"] >= generation:
                if status == Status.RUNNING:
                    self.promised.serving = self.promised.changes
                return found
            if time.monotonic() > end:
                facts = ("status", "reason", "generation", "observed_generation", "deadline_at")
                shown = ", ".join(f"{name} {found[name]}" for name in facts)
                message = f"{self._id} isn't {status} within {TIMEOUT} s: {shown}"
                raise StuckError(message)
            time.sleep(_POLL)

    def _talk(self) -> bool:
        """Say something once; return whether it was accepted."""
        text = f"{self._chance.random():.6f}"
        sent, oldest = time.monotonic(), self.promised.serving
        answer = self._owner.say(self._id, text)
        if answer is None:
            return False
        if answer.body.get("reason") in _BLAMING:
            self._noted.wrong("blameless", self._id, f"a message was answered {answer.body}")
        if answer.status != HTTPStatus.OK or answer.body.get("status") != "completed":
            return False
        said = str(answer.body["text"])
        self.promised.accepted.append(Accepted(sent, text, said, oldest, self.promised.asked))
        return True

    def _talk_until_answered(self) -> None:
        if not self.answers(TIMEOUT):
            message = f"{self._id} is said to run, but answers no message within {TIMEOUT} s"
            raise StuckError(message)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Go on saying things inside of the block."""
        ended = threading.Event()

        def talk() -> None:
            while not ended.wait(_TALK):
                self._talk()

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            yield
        finally:
            ended.set()
            talker.join()

    def _expect(self, status: HTTPStatus, answer: Answer) -> Answer:
        if answer.status != status:
            message = f"was answered {answer.status} where {status} was expected: {answer.body}"
            raise StuckError(message)
        return answer
