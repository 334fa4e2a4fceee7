"""Pushing: the requests by which webhooks are notified of tasks."""

import logging
from http import HTTPStatus
from time import monotonic
from typing import Final

from events.catalog.runs import PushNotificationFallenDue
from functions.domain.a2a import notifying, webhooks
from functions.domain.a2a.notifying import Claimed, NotDelivered, Notification
from functions.domain.instances import config_secrets
from functions.runtime import metrics
from functions.runtime.a2a.bindings import MEDIA_TYPE
from functions.runtime.declarations import Resources
from functions.runtime.providers.databases import SharedTransactions

SECONDS: Final = 10
"""In which a webhook has to be reached and to have answered."""

BEGIN_SECONDS: Final = 10
"""After which no other notification is begun within one delivery, so that all of it fits into a claim."""

RESOURCES: Final = Resources(
    concurrency=8, timeout_seconds=40, secrets=(config_secrets.KEYS_NAME,), settings=webhooks.SETTINGS, calls_out=True
)

log = logging.getLogger(__name__)


def deliver(event: PushNotificationFallenDue, transactions: SharedTransactions) -> None:
    """Notify the webhook that an event is about of everything up to it that it wasn't told.

    Raises NotDelivered, DeliveryUnderWay, WebhooksBusy and SecretsUnavailable.
    """
    with transactions() as db:
        claimed = notifying.claim(db, event)
    if claimed is None:
        return
    deadline = monotonic() + BEGIN_SECONDS
    for each in claimed.due:
        failure = "there was no time for it" if monotonic() > deadline else _failure(claimed, each)
        if failure is not None:
            _settle(claimed, failure, transactions)
            return
        with transactions() as db:
            notifying.accepted(db, claimed, each)
        metrics.push_notifications.count("accepted")
    with transactions() as db:
        notifying.release(db, claimed)


def _failure(claimed: Claimed, notification: Notification) -> str | None:
    """Send a notification; return why it wasn't accepted, without a word of the webhook's own, or None if it was."""
    # Most of what a function loads would be for this, and those who start it wait for that.
    from core import http_client

    address = http_client.Address(claimed.config.url, allows=webhooks.allows)
    headers = {"Content-Type": MEDIA_TYPE, "User-Agent": "Botberi", **claimed.headers}
    try:
        with http_client.exchange(
            "POST", address, seconds=SECONDS, body=notification.body, headers=headers
        ) as response:
            # Nothing else of the answer is read.
            status = response.status
    except (OSError, ValueError) as error:
        return type(error).__name__
    return None if HTTPStatus(200) <= status < HTTPStatus(300) else f"it was answered with {status}"


def _settle(claimed: Claimed, failure: str, transactions: SharedTransactions) -> None:
    """Write down that nothing was accepted; raise NotDelivered unless that has been so for too long."""
    with transactions() as db:
        given_up = notifying.refused(db, claimed)
    metrics.push_notifications.count("given_up" if given_up else "refused")
    told = {"push_config_id": claimed.config.subject, "run_id": claimed.config.run_id}
    log.warning("a push notification was %s: %s", "given up" if given_up else "not accepted", failure, extra=told)
    if not given_up:
        raise NotDelivered
