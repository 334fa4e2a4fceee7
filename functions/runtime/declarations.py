"""Declarations: the facts about a function that every manifest, route and document is written from."""

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias, TypeVar

from pydantic import JsonValue

from functions.domain.api_errors import ApiError

if TYPE_CHECKING:
    from functions.runtime.http.resting import Rest
    from functions.runtime.protocols import Protocol
    from functions.runtime.providers.base import Provider
    from functions.schemas.base import Cached, Reply

    Returned: TypeAlias = "Reply | Cached[Reply] | Answer | Later"
    Handler = Callable[..., Returned | None]
    """A subscriber's returns None."""

P = TypeVar("P")

MAX_BODY: Final = 64 * 1024
"""Bytes of a request's body, where an endpoint doesn't say otherwise."""

APIS: Final = ("user", "admin", "broker", "subscribers")


@dataclass(frozen=True)
class Resources:
    """The resources of a function's deployment; the defaults suit most."""

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
    calls_out: bool = False
    """Whether it calls addresses that people name, for which its container needs a way to the internet."""
    group: str = ""
    """The locked dependencies, `deploy/requirements/<group>.txt`, if not those that follow from the parameters."""


SCALE_LIMITED: Final = Resources(max_scale=2)
"""Resources for what operators use a few times a day: few copies, since each may connect to both databases."""


@dataclass(frozen=True)
class Answer:
    """An answer of a shape of its own. A descendant for each kind says what the OpenAPI document tells of it."""

    value: JsonValue
    """The JSON; None for an empty body."""
    status: int | None = None
    """If it isn't the endpoint's usual one; it is one of `statuses`."""
    headers: Mapping[str, str] = field(default_factory=dict)

    media_type: ClassVar[str] = "application/json"
    """Empty for one that has no body."""
    schema: ClassVar[dict[str, JsonValue]] = {}
    """The JSON Schema of the answer."""
    statuses: ClassVar[tuple[int, ...]] = ()
    """HTTP statuses that it may have beside the endpoint's own."""


class Later(ABC):
    """What a handler returns whose answer comes later, or piece by piece."""

    streams: ClassVar[bool] = False
    """Whether it is a stream of events, rather than a reply that is waited for."""
    content_type: str = ""
    """The Content-Type of a reply that begins before it is known; empty for one that is made when it has come."""
    headers: Mapping[str, str] = MappingProxyType({})
    """Headers of an answer that comes piece by piece, beside those of every such one."""

    @abstractmethod
    def parts(self, rest: "Rest") -> "Generator[bytes, None, Returned | None]":
        """Yield the parts of the answer; what it returns after empty parts is the reply in its place.

        `rest` takes seconds: it waits, or has the server wait after the next part, unless it is woken before.
        """


class Empty(Answer):
    """An answer without a body, which has headers of its own."""

    media_type: ClassVar[str] = ""
    statuses: ClassVar[tuple[int, ...]] = (204,)


@dataclass(frozen=True)
class Declaration:
    """A function: an endpoint or a subscriber."""

    name: str
    """The file's stem, which is also the handler's name: `list_agents`."""
    api: str
    """The folder: `user`, `admin`, `broker`, or `subscribers` for what the platform alone calls."""
    file: Path
    handler: "Handler"
    summary: str
    """The docstring's sentence, after the method and path or the event's type."""
    parameters: tuple["Provider", ...]
    """The provider of each parameter of the handler."""
    resources: Resources
    method: str = "POST"
    path: str = "/"
    status: int = 200
    reply: object = None
    """The reply's type, or None for an empty answer."""
    other_replies: tuple[type["Reply"], ...] = ()
    """Types of replies that have a status of their own."""
    streams: bool = False
    """Whether a caller may have a stream of events in the place of the reply."""
    answers: tuple[type[Answer], ...] = ()
    """Types of answers of a shape of their own."""
    protocol: "Protocol | None" = None
    """The protocol of others that it speaks, which tells its API errors in its own way; None for problems."""
    errors: tuple[type[ApiError], ...] = ()
    """Every API error that the handler may answer with, beside those that follow from its parameters."""
    max_body: int = MAX_BODY
    """Bytes."""
    audited: bool = True
    """Whether what it changes is in the audit trail; else something that is kept as well tells of it."""
    is_guarded: bool = False
    """Whether it asks who calls."""
    is_watched: bool = False
    """Whether staff are shown what is others', of which there is an entry in the audit trail each time."""
    prepares: bool = False
    """Whether a `prepare` function runs before the handler's transaction is opened."""
    event_types: tuple[str, ...] = field(default=())
    """The event types that a subscriber receives, or the pattern `#` for all.

    Empty for an endpoint, and for a subscriber that isn't called by the dispatcher.
    """
    signing_keys: str = ""
    """The secret with the keys by which calls of a subscriber are signed; empty for an endpoint, which has callers."""
    schedule: str = ""
    """When the one event of a subscriber is emitted for it, as a cron expression; empty if others emit its events."""
    timezone: str = "UTC"
    """The schedule's, by its IANA name."""

    @property
    def deployment(self) -> str:
        """The name on OpenFaaS and Knative (RFC 1123): `list-agents`."""
        return self.name.replace("_", "-")

    def parameter(self, kind: type[P]) -> P | None:
        """Return the first parameter that a provider of the class `kind` fills."""
        return next((parameter for parameter in self.parameters if isinstance(parameter, kind)), None)

    @cached_property
    def changes(self) -> bool:
        """Whether a call changes something of which there is an entry in the audit trail."""
        return self.method != "GET" and self.audited

    @cached_property
    def by_stage(self) -> tuple["Provider", ...]:
        """The parameters in the order in which they are filled."""
        return tuple(sorted(self.parameters, key=lambda each: each.stage))

    @cached_property
    def all_parameters(self) -> tuple["Provider", ...]:
        """The parameters, and those of what is done before, in the order in which they are filled; a name once."""
        found = {each.name: each for parameter in self.parameters for each in (*parameter.parameters, parameter)}
        return tuple(sorted(found.values(), key=lambda each: each.stage))

    @cached_property
    def databases(self) -> tuple[str, ...]:
        """The databases that the parameters connect to, sorted."""
        return tuple(sorted({database for each in self.all_parameters for database in each.databases}))

    @cached_property
    def reads_query(self) -> bool:
        """Whether a request may have a query."""
        return any(each.reads_query for each in self.all_parameters)

    @cached_property
    def methods(self) -> frozenset[str]:
        """The methods that it answers: HEAD wherever it answers GET, OPTIONS where it takes CloudEvents."""
        more = (method for each in self.parameters for method in each.methods)
        return frozenset({self.method, *more, *(("HEAD",) if self.method == "GET" else ())})

    @cached_property
    def holds(self) -> tuple[str, ...]:
        """The databases in which a transaction is open as long as the handler runs."""
        return tuple(database for each in self.parameters for database in each.holds)


def summary_of(module: str) -> str:
    """Return the sentence of a function file's docstring: what stands after the first `: `."""
    line = (sys.modules[module].__doc__ or "").strip().partition("\n")[0]
    sentence = line.partition(": ")[2] or line
    return sentence[:1].upper() + sentence[1:]


def path_parameters(path: str) -> list[str]:
    """Return the names in a path template: `["slug"]` for `/v1/agents/{slug}`."""
    return re.findall(r"{(\w+)}", path)
