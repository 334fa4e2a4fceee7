"""Memory tokens: with which an agent gets at the memory of its instance while it answers in a run.

A token names the instance and the run and when it expires, and is signed with HMAC-SHA256 by a key that only the runner
and the function `agent_memory` have. The agent host passes it on, and can make none.
"""

import time
from dataclasses import dataclass
from typing import Final

from functions.domain import signatures
from functions.domain.api_errors import Unauthenticated

KEYS_NAME: Final = "agent-memory-keys"
"""The secret that holds the keys, one a line, in Base64. The first signs, and any will do to check.

So `botberi secrets rotate` exchanges them without loss: two may be live, and it may reach either side first.
"""

LIFETIME: Final = 60
"""Seconds for which a token is taken beyond the time that the call of the agent may take."""

_PURPOSE: Final = "agent memory"

_PARTS: Final = 4


class MemoryTokenInvalid(Unauthenticated):
    """The token is no memory token, or has expired: each is good for one call of an agent."""


@dataclass(frozen=True)
class Bearer:
    """Whose memory it is, and which run its agent answers in."""

    instance_id: str
    run_id: str


def make(instance_id: str, run_id: str, seconds: float) -> str:
    """Return a token for a call of an agent that may take so many seconds.

    Raises MissingSettingError without the secret, and NotKeysError for one that holds no keys.
    """
    told = f"{instance_id}.{run_id}.{int(time.time() + seconds + LIFETIME)}"
    return f"{told}.{signatures.sign(KEYS_NAME, _PURPOSE, told)}"


def check(token: str) -> Bearer:
    """Return whose memory a token is for. Raises MemoryTokenInvalid."""
    told, _, signature = token.rpartition(".")
    parts = token.split(".")
    signed = signatures.is_signed(KEYS_NAME, _PURPOSE, told, signature)
    if not signed or len(parts) != _PARTS or int(parts[2]) < time.time():
        raise MemoryTokenInvalid
    return Bearer(parts[0], parts[1])
