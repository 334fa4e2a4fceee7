"""com.botberi.account.registered.v1 and what else people are told about their accounts: tell them by mail."""

import logging

from events.wire import CloudEvent
from functions.domain.accounts import mails
from functions.domain.accounts.mails import Told
from functions.domain.databases import UserDb
from functions.domain.mail import messages, transport
from functions.runtime.declarations import Resources
from functions.runtime.providers.databases import UserTransactions
from functions.runtime.subscriber import subscriber

log = logging.getLogger(__name__)


@subscriber(
    resources=Resources(
        # Where subscribers share threads, a server that is slow leaves some to the others.
        concurrency=2,
        # A server may take its time for each of several answers.
        timeout_seconds=30,
        settings=(*transport.SETTINGS, messages.APP),
        secrets=(transport.LOGIN,),
    )
)
def send_mail(
    event: Told,
    envelope: CloudEvent,
    # The inbox row's: an event is told once.
    _db: UserDb,
    begin: UserTransactions,
) -> None:
    """Send one mail, or none; what the server doesn't take now comes again by the event path."""
    if not transport.is_configured():
        return
    try:
        # Sent before the inbox row commits: a crash in between sends it twice, with one Message-ID, never zero times.
        mails.send(begin, event, envelope.id)
    except transport.AddressRejected:
        # People mistype their addresses: nobody who operates this could mend it.
        log.warning("the mail server knows no such address", extra={"account_id": event.account_id})
