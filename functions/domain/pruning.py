"""What is kept only for a while is forgotten in the end: keys of repeated requests, handled events, slots, logs.

For how long, the functions in the databases say: whoever may call them can forget nothing that is younger. Logs of
instances, runs and the numbered events of accounts have a setting each.
"""

from typing import Final

from sqlalchemy import Connection, text

from core.configuration import setting
from functions.domain.databases import SharedDb, UserDb

LOG_DAYS_SETTING: Final = "INSTANCE_LOG_DAYS"
"""For how many days lines of instances' logs are kept."""

LOG_DAYS: Final = 7

EVENT_DAYS_SETTING: Final = "ACCOUNT_EVENT_DAYS"
"""For how many days the numbered events of accounts are kept."""

EVENT_DAYS: Final = 7

BATCH: Final = 5_000
"""Rows of a table that are forgotten at a time, at most."""


def forget_idempotency_keys(db: Connection) -> int:
    """Forget a batch of the keys that are a week old; return how many."""
    return _forget(db, "forget_idempotency_keys")


def forget_guesses(db: UserDb) -> int:
    """Forget a batch of the guesses at passwords that are an hour old; return how many."""
    return _forget(db, "forget_guesses")


def forget_one_time_tokens(db: UserDb) -> int:
    """Forget a batch of the one-time tokens that have expired; return how many."""
    return _forget(db, "forget_one_time_tokens")


def forget_email_changes(db: UserDb) -> int:
    """Forget a batch of the changes of addresses that were asked for a day ago; return how many."""
    return _forget(db, "forget_email_changes")


def forget_exports(db: UserDb) -> int:
    """Forget a batch of the exports that were asked for a day ago; return how many."""
    return _forget(db, "forget_exports")


def forget_mfa_challenges(db: UserDb) -> int:
    """Forget a batch of the challenges that have expired; return how many."""
    return _forget(db, "forget_mfa_challenges")


def forget_device_logins(db: UserDb) -> int:
    """Forget a batch of the device log-ins that have expired; return how many."""
    return _forget(db, "forget_device_logins")


def forget_oauth_codes(db: UserDb) -> int:
    """Forget a batch of the codes of OAuth's clients that expired a day ago; return how many."""
    return _forget(db, "forget_oauth_codes")


def forget_handled_events(db: Connection) -> int:
    """Forget a batch of the inbox rows that are forty-five days old; return how many."""
    return _forget(db, "forget_handled_events")


def forget_instance_logs(db: SharedDb) -> int:
    """Forget a batch of the lines of instances' logs that are too old, or whose instance is deleted; return how many.

    How old is too old the setting says, and never less than a day.
    """
    return _forget(db, "forget_instance_logs", days=int(setting(LOG_DAYS_SETTING, "") or LOG_DAYS))


def forget_account_events(db: SharedDb) -> int:
    """Forget a batch of the numbered events of accounts that are too old; return how many.

    How old is too old the setting says, and never less than a day.
    """
    return _forget(db, "forget_account_events", days=int(setting(EVENT_DAYS_SETTING, "") or EVENT_DAYS))


def forget_agent_log_sources(db: SharedDb) -> int:
    """Forget a batch of the agent hosts that have sent no line for forty-five days; return how many."""
    return _forget(db, "forget_agent_log_sources")


def forget_account_purges(db: SharedDb) -> int:
    """Forget a batch of the accounts of which nothing has been left for forty-five days; return how many."""
    return _forget(db, "forget_account_purges")


def forget_slots(db: SharedDb) -> int:
    """Forget a batch of the slots of schedules that are thirty days old; return how many."""
    return _forget(db, "forget_slots")


def forget_ended_sessions(db: UserDb) -> int:
    """Forget a batch of the sessions that ended ninety days ago; return how many."""
    return _forget(db, "forget_ended_sessions")


def forget_ended_api_keys(db: UserDb) -> int:
    """Forget a batch of the API keys that ended ninety days ago; return how many."""
    return _forget(db, "forget_ended_api_keys")


def forget_api_keys(db: SharedDb) -> int:
    """Forget a batch of the API keys whose time is over, which are of no use here; return how many."""
    return _forget(db, "forget_api_keys")


def _forget(db: Connection, function: str, **more: int) -> int:
    names = ", ".join(f":{name}" for name in ("most", *more))
    return int(db.scalar(text(f"select {function}({names})"), {"most": BATCH, **more}) or 0)
