"""An instance of the agent `talker`, which clients of protocols talk to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from functions.domain.catalog import samples
from functions.runtime.databases import shared_transaction
from tools.conformance.environment import PACKAGES, Environment

AGENTS: Final = Path(__file__).resolve().parent / "agents"

AGENT: Final = "talker"


def told(env: Environment) -> Mapping[str, str]:
    """Return what a client is told in its environment: the address, the instance, a token and a stranger's token."""
    with shared_transaction("admin") as db:
        samples.seed(db, AGENTS)
    return {
        "ADDRESS": env.address,
        "INSTANCE": env.launched(AGENT),
        "TOKEN": env.bearer,
        "OTHER": env.token("usr_other"),
        "PACKAGES": str(PACKAGES),
        "NODE_PATH": str(PACKAGES / "node_modules"),
    }
