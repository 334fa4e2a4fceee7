"""What a handler declares of itself; every manifest, route and document is written from these."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from functions.domain.refusals import Refusal

SURFACES: Final = ("user", "admin", "broker", "subscribers")


@dataclass(frozen=True)
class Needs:
    """What a deployment of the function is given; the defaults suit most."""

    memory: str = "128Mi"
    concurrency: int = 4
    """Requests that one container handles at a time, and the threads it has."""
    min_scale: int = 0
    max_scale: int = 5
    timeout_seconds: int = 10
    """The longest that one call may take."""
    secrets: tuple[str, ...] = ()
    """Secrets beside those that follow from the handler's parameters."""
    settings: tuple[str, ...] = ()
    """Settings beside those that follow from the handler's parameters."""
    instances: bool = False
    """Whether it speaks to the processes of instances."""
    group: str = "function"
    """The locked dependencies it needs: `deploy/requirements/<group>.txt`."""


RARELY: Final = Needs(max_scale=2)
"""What operators use a few times a day: little, since each copy may connect to both databases."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a handler: its name, its type, and where its value comes from."""

    name: str
    annotation: Any
    source: str
    """`path`, `query`, `body`, `caller`, `prepared`, `database`, `transactions`, `cache`, `header` or `event`."""


@dataclass(frozen=True)
class Declaration:
    """A function: an endpoint or a subscriber."""

    name: str
    """The file's stem, which is also the handler's name: `list_agents`."""
    surface: str
    """The folder: `user`, `admin`, `broker` or `subscribers`."""
    file: Path
    handler: Callable[..., Any]
    summary: str
    """The docstring's sentence, after the method and path or the event's type."""
    parameters: tuple[Parameter, ...]
    needs: Needs
    method: str = "POST"
    path: str = "/"
    status: int = 200
    reply: Any = None
    """The reply's type, or None for an empty answer."""
    refusals: tuple[type[Refusal], ...] = ()
    """Every refusal that the handler may answer with, beside those that follow from its parameters."""
    max_body: int = 64 * 1024
    """Bytes."""
    prepare: Callable[..., Any] | None = None
    """What is done before the transaction; its result is the parameter of the source `prepared`."""
    preparing: tuple[Parameter, ...] = ()
    """The parameters of `prepare`."""
    event_types: tuple[str, ...] = field(default=())
    """What a subscriber is bound to: event types, or the pattern `#` for all."""
    schedule: str = ""
    """When the one event of a subscriber is emitted for it, as a cron expression; empty if others emit its events."""
    timezone: str = "UTC"
    """The schedule's, by its IANA name."""

    @property
    def deployment(self) -> str:
        """The name on OpenFaaS and Knative (RFC 1123): `list-agents`."""
        return self.name.replace("_", "-")

    def parameter(self, source: str) -> Parameter | None:
        """Return the first parameter that comes from `source`."""
        return next((parameter for parameter in self.parameters if parameter.source == source), None)


def summary_of(module: str) -> str:
    """Return the sentence of a function file's docstring: what stands after the first `: `."""
    line = (sys.modules[module].__doc__ or "").strip().partition("\n")[0]
    sentence = line.partition(": ")[2] or line
    return sentence[:1].upper() + sentence[1:]


def path_parameters(path: str) -> list[str]:
    """Return the names in a path template: `["slug"]` for `/v1/agents/{slug}`."""
    return re.findall(r"{(\w+)}", path)
