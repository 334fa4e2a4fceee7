"""The runner: takes runs whose turn it is, sees each through on a thread of its own, and keeps their leases."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final, TypeVar
from uuid import uuid4

from functions.domain.api_errors import Unavailable
from functions.domain.runs import claiming, forgetting, sweeping
from functions.runtime.databases import shared_transaction
from functions.services.runner.attempt import Attempt
from functions.services.runner.live import Live
from functions.services.runner.settings import Settings
from functions.services.runner.writer import ROLE, Writer

log = logging.getLogger(__name__)

Done = TypeVar("Done")

LOOK_SECONDS: Final = 1.0
"""How often runs are looked for that no event has told of."""


class Runner:
    """Works on runs until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        """Use `start` and `stop`."""
        self.settings = settings
        self.writer = Writer(Live())
        self.claimed = 0
        self.last_look = monotonic()
        self._any_open = True
        """Whether there may be runs that haven't ended, as whoever looks for them has found a moment ago."""
        self._name = uuid4().hex
        self._attempts: dict[str, Attempt] = {}
        self._lock = threading.Lock()
        self._bell = threading.Event()
        self._keep_bell = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Condition(self._lock)
        # One more claims.
        self._pool = ThreadPoolExecutor(settings.runs + 1, "run")
        self._steady_since = monotonic()
        self._keeper = threading.Thread(target=self._keep_again_and_again, name="leases", daemon=True)

    @property
    def at_work(self) -> int:
        """How many runs it works on."""
        return len(self._attempts)

    def start(self) -> None:
        """Begin to take runs."""
        self.writer.start()
        self._keeper.start()
        self._pool.submit(self._begin_to_claim)

    def ring(self) -> None:
        """Look for runs at once."""
        self._any_open = True
        self._bell.set()

    def ring_keeper(self) -> None:
        """Look at once whether any run is to be cancelled."""
        self._keep_bell.set()

    def stop(self) -> None:
        """Take no more runs, see those under way through as long as there is time, and end."""
        self._stopping.set()
        self.ring()
        with self._ended:
            if not self._ended.wait_for(lambda: not self._attempts, self.settings.grace):
                log.warning("%d runs are left to another runner", len(self._attempts))
                return
        self.writer.stop()

    def _begin_to_claim(self) -> None:
        self._safely(self._make_partitions)
        self._claim_in_turn()

    def _claim_in_turn(self) -> None:
        """Look for runs until there is one; then leave the looking to another thread, and see it through in this one.

        A thread to which it is handed would have to wake up first.
        """
        while not self._stopping.is_set():
            rung = self._bell.wait(LOOK_SECONDS)
            self._bell.clear()
            attempt = self._safely(self._claim if rung else self._look)
            if attempt is not None:
                self._pool.submit(self._claim_in_turn)
                self._work(attempt)
                return

    def _keep_again_and_again(self) -> None:
        looked = monotonic()
        while True:
            self._keep_bell.wait(min(LOOK_SECONDS, self.settings.lease / 4))
            self._keep_bell.clear()
            self._safely(self._keep)
            if monotonic() - looked >= LOOK_SECONDS and not self._stopping.is_set():
                looked = monotonic()
                self._safely(self._sweep)

    def _safely(self, work: Callable[[], Done]) -> Done | None:
        try:
            return work()
        except Unavailable as error:
            self._steady_since = monotonic()
            log.warning("runs wait: %s", error.__cause__ or error)
            self._stopping.wait(0.2)
        except Exception:
            log.exception("runs wait because of a bug")
            self._stopping.wait(1)
        return None

    @staticmethod
    def _make_partitions() -> None:
        with shared_transaction(ROLE) as db:
            forgetting.rotate(db)

    def _look(self) -> Attempt | None:
        """Claim what no event has told of, if there can be any."""
        with shared_transaction(ROLE, read_only=True) as db:
            self._any_open = claiming.any_open(db)
        self.last_look = monotonic()
        return self._claim() if self._any_open else None

    def _claim(self) -> Attempt | None:
        """Begin with runs whose turn it is, as far as there is room; return one of them that is yet to be worked on."""
        room = self.settings.runs - len(self._attempts)
        if room <= 0:
            # Whoever makes some rings.
            return None
        with shared_transaction(ROLE) as db:
            found = claiming.claim(db, self._name, room=room, bounds=self.settings.bounds, seconds=self.settings.lease)
        self.last_look = monotonic()
        attempts = [Attempt(claimed, self.writer) for claimed in found]
        with self._lock:
            self._attempts.update((each.run.id, each) for each in attempts)
            self.claimed += len(attempts)
        for each in attempts[1:]:
            self._pool.submit(self._work, each)
        return attempts[0] if attempts else None

    def _work(self, attempt: Attempt) -> None:
        try:
            attempt.work()
        finally:
            with self._ended:
                del self._attempts[attempt.run.id]
                self._ended.notify_all()
            # Others of its conversation, its instance and its owner may have waited for this.
            self.ring()

    def _keep(self) -> None:
        """Renew all leases, and learn of what is to be cancelled or is lost."""
        with self._lock:
            held = list(self._attempts.values())
        if not held:
            return
        with shared_transaction(ROLE) as db:
            kept = claiming.renew(db, [each.run for each in held], self.settings.lease)
        for attempt in held:
            if attempt.run.id in kept:
                attempt.cancel_reason = kept[attempt.run.id]
            elif not attempt.ended:
                attempt.lose()

    def _sweep(self) -> None:
        """Cancel runs of instances that are to stop, and settle what nobody works on any more.

        After Postgres was away not before every runner that is there has had the time to renew its leases.
        """
        if not self._any_open:
            return
        with shared_transaction(ROLE) as db:
            found = sweeping.cancel_of_stopped(db)
            if monotonic() - self._steady_since > self.settings.lease:
                found += sweeping.settle_overdue(db)
        if found:
            self.ring()
            self.ring_keeper()
