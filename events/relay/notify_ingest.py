"""Bare NOTIFYs on the channel `events`, from whatever can write to the database but doesn't know the outbox.

One that is JSON of the form {"type", "subject", "data"}, and of a type that everybody may say, becomes an event whose
source is `/notify/<database>`; any other a dead letter with its text and the reason. This path is at most once: a
NOTIFY is gone when nobody listens, as during a take-over.
"""

import json
import logging
import select
import threading
from typing import Final

from pydantic import JsonValue, ValidationError

from core.ids import new_id
from core.postgres.session import Session
from events.catalog.load import load
from events.event import EVERYBODY
from events.relay.metrics import RelayMetrics
from events.wire import is_attribute

log = logging.getLogger(__name__)

CHANNEL: Final = "events"

PAUSE: Final = 1.0
"""Seconds between two attempts to connect."""

_EMIT: Final = """
select emit_event(
  type => :type, subject => :subject, data => cast(:data as jsonb), actor => 'notify', source => :source)
"""

_KEEP: Final = """
insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
values (:id, 'NOTIFY events', :id, :source, 'unknown', 'unknown', 'refused', :detail, 1, :event)
"""


class NotTheFormError(ValueError):
    """The payload is not what this channel takes; the message says why."""


class NotifyIngest(threading.Thread):
    """Listens while its relay holds the lease."""

    def __init__(self, database: str, metrics: RelayMetrics) -> None:
        """Listen on `database`."""
        super().__init__(name="notify-ingest", daemon=True)
        self.database = database
        self.source = f"/notify/{database}"
        """The source of ingested events: whoever may connect can send one, so it is none of Botberi's own."""
        self.metrics = metrics
        self._stopped = threading.Event()

    def run(self) -> None:
        """Listen, connection after connection, until closed."""
        while not self._stopped.is_set():
            session: Session | None = None
            try:
                session = Session(self.database, "relay", name="botberi-relay-notify-ingest")
                self._listen(session)
            except Exception as error:  # noqa: BLE001 - whatever it is, listening again is all that can be done
                log.warning("not listening on %s of %s: %s; trying again", CHANNEL, self.database, error)
            finally:
                if session is not None:
                    session.close()
            self._stopped.wait(PAUSE)

    def close(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self.join(timeout=2)

    def _listen(self, session: Session) -> None:
        session.run(f"listen {CHANNEL}")
        log.info("listening for what others say on %s of %s", CHANNEL, self.database)
        while not self._stopped.is_set():
            # What came together with the answer to another statement is no longer in the socket.
            if not session.has_notifications and not select.select([session.socket], [], [], 0.5)[0]:
                continue
            for _channel, payload in session.notifications():
                self._take(session, payload)

    def _take(self, session: Session, text: str) -> None:
        try:
            event_type, subject, data = understood(text)
        except NotTheFormError as error:
            self.metrics.ingest_rejected += 1
            log.warning("a NOTIFY on %s is a dead letter: %s", CHANNEL, error)
            session.run(_KEEP, id=new_id("ded"), source=self.source, detail=str(error), event=text)
            return
        session.run(_EMIT, type=event_type, subject=subject, data=json.dumps(data), source=self.source)
        self.metrics.ingested += 1


def understood(text: str) -> tuple[str, str, dict[str, JsonValue]]:
    """Return type, subject and data of a payload, or raise NotTheFormError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NotTheFormError("the payload is not JSON") from None
    if not isinstance(document, dict) or set(document) != {"type", "subject", "data"}:
        raise NotTheFormError("the payload is not an object of type, subject and data")
    event_type, subject, data = document["type"], document["subject"], document["data"]
    model = load().get(event_type) if isinstance(event_type, str) else None
    if model is None:
        raise NotTheFormError("the catalog has no such type")
    if model.scope != EVERYBODY:
        raise NotTheFormError("not everybody may say events of this type")
    try:
        event = model.model_validate_json(json.dumps(data))
    except ValidationError:
        raise NotTheFormError("the data does not fit the event's schema") from None
    if subject != event.subject or not is_attribute(subject) or "\\u0000" in json.dumps(data):
        raise NotTheFormError(f"the subject is not the data's {model.subject_field}, or can't be sent")
    return event.type, subject, data
