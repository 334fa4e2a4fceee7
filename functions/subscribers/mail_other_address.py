"""com.botberi.email.change_requested.v1 and what becomes of it: mail the address that isn't the account's."""

import logging

from events.wire import CloudEvent
from functions.domain.accounts import mails
from functions.domain.accounts.mails import ToldElsewhere
from functions.domain.databases import UserDb
from functions.domain.mail import messages, transport
from functions.runtime.declarations import Resources
from functions.runtime.providers.databases import UserTransactions
from functions.runtime.subscriber import subscriber

log = logging.getLogger(__name__)


@subscriber(
    resources=Resources(
        concurrency=2,
        timeout_seconds=30,
        settings=(*transport.SETTINGS, messages.APP),
        secrets=(transport.LOGIN,),
    )
)
def mail_other_address(
    event: ToldElsewhere,
    envelope: CloudEvent,
    # The inbox row's: an event is told once.
    _db: UserDb,
    begin: UserTransactions,
) -> None:
    """Send one mail, or none, as `send_mail` does to the account's own address."""
    if not transport.is_configured():
        return
    try:
        mails.send_elsewhere(begin, event, envelope.id)
    except transport.AddressRejected:
        log.warning("the mail server knows no such address", extra={"account_id": event.account_id})
