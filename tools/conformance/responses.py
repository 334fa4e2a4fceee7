"""Open Responses: OpenAI's clients in Python and for Node, and the ten cases by the models of its document."""

from collections.abc import Iterator
from typing import Final

from tools.conformance import clients_run, talking
from tools.conformance.environment import CLIENTS, PYTHON, Environment, node
from tools.conformance.results import Result

PAGE: Final = "docs/protocols/open-responses.md"


def checked(env: Environment) -> Iterator[Result]:
    """Yield what the clients have found."""
    told = talking.told(env)
    yield clients_run.run("openai 3.57.0 for Python", [PYTHON, CLIENTS / "openai_client.py"], told)
    yield clients_run.run("openai 6.49.0 for Node", [node(), CLIENTS / "openai_client.mjs"], told)
    yield clients_run.run("Open Responses, ten cases", [PYTHON, CLIENTS / "open_responses_cases.py"], told)
    yield clients_run.snippet(PAGE, [PYTHON, "-"], told, says="After 0: Take your time")
