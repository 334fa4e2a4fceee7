"""com.botberi.push_notification.fallen_due.v1: notify a webhook of what has become of a task."""

from events.catalog.runs import PushNotificationFallenDue
from functions.runtime.a2a import pushing
from functions.runtime.providers.databases import SharedTransactions
from functions.runtime.subscriber import subscriber


@subscriber(resources=pushing.RESOURCES)
def deliver_push_notification(event: PushNotificationFallenDue, transactions: SharedTransactions) -> None:
    """Send it, with no transaction open meanwhile: what was accepted is what is remembered, in place of the inbox."""
    pushing.deliver(event, transactions)
