"""AG-UI 1.0: the official client, with interrupts, tools and a stream that is cut."""

from collections.abc import Iterator

from tools.conformance import clients_run, talking
from tools.conformance.environment import CLIENTS, Environment, node
from tools.conformance.results import Result


def checked(env: Environment) -> Iterator[Result]:
    """Yield what the client has found."""
    told = talking.told(env)
    yield clients_run.run("@ag-ui/client 1.0.0", [node(), CLIENTS / "ag_ui_client.mjs"], told)
    yield clients_run.snippet("docs/protocols/ag-ui.md", [node(), "-"], told, says="After 0: Hello")
