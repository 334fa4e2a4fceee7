"""Mails for tests: sent on behalf of what was emitted, and read."""

import re
from collections.abc import Mapping
from typing import Final

from sqlalchemy import text

from events.subscriptions import read
from testing.clients import Api
from testing.environment import Environment
from tools.local.mail_catcher import Catcher

SENDERS: Final = ("send-mail", "mail-other-address")


def send(api: Api, env: Environment, account_id: str) -> None:
    """Deliver the events about an account to the subscribers that tell people of them, as the dispatcher would."""
    types = {each.function: each.types for each in read() if each.function in SENDERS}
    query = text("select id, type, data from outbox where data ->> 'account_id' = :id order by seq")
    with env.transaction("user_psql", "relay") as db:
        said = db.execute(query, {"id": account_id}).all()
    for row in said:
        for function in SENDERS:
            if row.type in types[function]:
                assert api.deliver(function, _event(row.id, row.type, row.data)).status_code == 200


def _event(event_id: str, kind: str, data: Mapping[str, object]) -> dict[str, object]:
    attributes = {"specversion": "1.0", "id": event_id, "source": "/botberi/user_psql", "type": kind}
    return {**attributes, "subject": "x", "time": "2026-01-01T00:00:00Z", "data": data}


def token_to(mails: Catcher, email: str) -> str:
    """Return the token in the last mail to an address."""
    mail = mails.last(email)
    [token] = re.findall(r"(?:^|#token=)([\w-]{32})$", mail.text if mail else "", re.MULTILINE)
    return str(token)
