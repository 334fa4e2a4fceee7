"""A2A 1.0, by both bindings: the official client in Python, over every operation that the card declares; the kit."""

from collections.abc import Iterator
from typing import Final

from tools.conformance import a2a_kit, clients_run
from tools.conformance.environment import CLIENTS, PYTHON, Environment
from tools.conformance.results import Result

AGENT: Final = "guide"

CONFIG: Final = {
    "places": [{"name": "the museum", "interest": "Art", "about": "It has paintings."}],
    "seconds_per_word": 0.01,
}


def checked(env: Environment) -> Iterator[Result]:
    """Yield what the client has found."""
    instance = env.create(env.owner, agent=AGENT, name=AGENT, config=CONFIG)
    told = {"ADDRESS": env.address, "INSTANCE": instance, "TOKEN": env.bearer, "INTEREST": "Art"}
    yield clients_run.run("a2a-sdk 1.3.0", [PYTHON, CLIENTS / "a2a_client.py"], told)
    yield clients_run.snippet("docs/protocols/a2a.md", [PYTHON, "-"], told, says="Go to the museum")
    yield a2a_kit.run(env)
