"""Identifiers: a prefix that says what the thing is, and a UUIDv7, so that ids sort by the time they were made."""

import os
import time
from typing import Literal

Prefix = Literal[
    "usr",
    "ses",
    "key",
    "agt",
    "ver",
    "mov",
    "ins",
    "msg",
    "pub",
    "evt",
    "ded",
    "act",
    "aud",
    "clm",
    "kil",
    "con",
    "run",
    "ask",
    "bud",
    "psh",
    "psk",
    "exp",
    "apr",
]
"""What the thing is: an account, a session, an API key, an agent, a version of one, a move of a channel, an instance, a
message to one, a publisher of events, an event, a dead letter or parked event, an action of an operator, an entry of
the audit trail, a claim on a subject, a kill switch, a conversation, a run, what an agent asks for, a budget, a push
config, a passkey, an export of an account, or what waits for a second administrator.
"""


def new_id(prefix: Prefix) -> str:
    """Return a new id such as `ins_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f`: the prefix and a UUIDv7 (RFC 9562) in hex.

    A quarter of a microsecond is told apart (section 6.2, method 3): what a process makes one after the other sorts so.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    random = int.from_bytes(os.urandom(8)) & ~(0x3 << 62)
    value = milliseconds << 80 | 0x7 << 76 | rest * 4096 // 1_000_000 << 64 | 0x2 << 62 | random
    return f"{prefix}_{value:032x}"


def pattern(prefix: Prefix) -> str:
    """Return the regular expression that an id with this prefix matches in full."""
    return rf"^{prefix}_[0-9a-f]{{32}}$"
