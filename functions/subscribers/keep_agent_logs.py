"""com.botberi.agent_logs.written.v1: keep what agents write, which agent hosts hand on in batches."""

from events.wire import CloudEvent
from functions.domain.databases import SharedDb
from functions.domain.instances import log_batches, log_keeping
from functions.domain.instances.log_batches import Batch
from functions.runtime.declarations import Resources
from functions.runtime.subscriber import subscriber


@subscriber(signing_keys=log_batches.KEYS_NAME, resources=Resources(settings=log_keeping.SETTINGS))
def keep_agent_logs(event: CloudEvent, db: SharedDb) -> None:
    """Take each batch once, however often it comes."""
    log_keeping.keep(db, event.source, Batch.model_validate(event.data))
