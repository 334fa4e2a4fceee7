"""What fills a handler's parameters: one provider for each parameter, of the class that takes the parameter's type.

A module beside this one holds all that is known of one kind of type: its values, and what they imply for deployments
and documents. It is in use as soon as it is imported, so a type that stands there itself needs nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from types import UnionType
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Final,
    Literal,
    Protocol,
    TypeGuard,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import flask
from pydantic import BaseModel, JsonValue
from sqlalchemy import Connection
from typing_extensions import TypeForm, override

from events.wire import CloudEvent
from functions.domain.api_errors import ApiError, FieldError, Invalid
from functions.runtime.databases import transaction
from functions.runtime.declarations import Declaration, path_parameters

if TYPE_CHECKING:
    from functions.domain.accounts.access_tokens import Impersonation
    from functions.runtime.auditing import Audit

CALLER: Final = 0
REQUEST: Final = 1
PREPARED: Final = 2
RESOURCE: Final = 3
NEW: Final = 4
"""The stages of filling parameters: the caller, what was sent, what `prepare` returns, transactions and such, and what
these say is new.
"""

T = TypeVar("T")

Schema = dict[str, JsonValue]

_UNKNOWN: Final = ("unknown", "There is no such parameter.")

_kinds: Final[list[type["Provider"]]] = []
"""The classes of providers whose modules have been imported, in that order: the first that takes a type fills it."""


class Schemas(Protocol):
    """The schemas of a document's models."""

    def reference(self, model: type[BaseModel], mode: Literal["validation", "serialization"], /) -> Schema:
        """Return the `$ref` to a model's schema."""

    def properties(self, model: type[BaseModel], /) -> dict[str, Schema]:
        """Return the schemas of a model's fields."""

    def example(self, schema: Schema, /) -> JsonValue:
        """Return a value that fits."""


def header(name: str, description: str, *, required: bool = False, pattern: str | None = None) -> Schema:
    """Return a header as a parameter of an OpenAPI operation."""
    schema: Schema = {"type": "string", **({"pattern": pattern} if pattern else {})}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


class Call:
    """One request on its way into its handler. Transactions that it opens end with `stack`."""

    events: Sequence[CloudEvent]
    """The events that a subscriber is called with, those that it has handled before left out once a transaction is
    open; unset in an endpoint's call."""

    def __init__(
        self,
        declaration: Declaration,
        request: flask.Request,
        stack: ExitStack,
        path_values: dict[str, str] | None = None,
    ) -> None:
        """`path_values` are the parts of the path by the names that its template gives them."""
        self.declaration = declaration
        self.request = request
        self.stack = stack
        self.path_values = path_values or {}
        self.caller_id: str | None = None
        self.impersonation: Impersonation | None = None
        """Who acts for the caller; None for whoever acts for themselves."""
        self._values: dict[str, object] = {}
        self._sessions: dict[str, Connection] = {}

    def read(self) -> None:
        """Check the caller, then read path, query and body. Raises ApiError."""
        providers = self.declaration.all_parameters
        for provider in providers:
            if provider.stage == CALLER:
                self.value(provider)
        if self.request.args and not self.declaration.reads_query:
            raise Invalid(errors=[FieldError(f"?{name}", *_UNKNOWN) for name in self.request.args])
        for provider in providers:
            if provider.stage == REQUEST:
                self.value(provider)

    def arguments(self) -> dict[str, object]:
        """Return the handler's arguments, by name. Transactions are opened last; the request has been read before."""
        return {provider.name: self.value(provider) for provider in self.declaration.by_stage}

    def value(self, provider: "Provider") -> object:
        """Return the value of a parameter, which is made once for all parameters of its name."""
        if provider.name not in self._values:
            self._values[provider.name] = provider.value(self)
        return self._values[provider.name]

    def session(self, database: str) -> Connection:
        """Return the call's transaction on a database, opened by the first who asks; read-only for GET."""
        if database not in self._sessions:
            reads = self.declaration.method == "GET"
            opened = transaction(database, self.declaration.api, read_only=reads)
            self._sessions[database] = self.stack.enter_context(opened)
        return self._sessions[database]

    @cached_property
    def audit(self) -> "Audit":
        """What the entry of the call in the audit trail says."""
        # No function starts for it: it is needed at the end of the first call.
        from functions.runtime.auditing import Audit

        return Audit(self)

    @property
    def open_sessions(self) -> tuple[Connection, ...]:
        """The call's transactions that were opened, in which something may be changed."""
        return () if self.declaration.method == "GET" else tuple(self._sessions.values())

    @property
    def reason(self) -> str | None:
        """The reason that the request gives for what it asks."""
        sent = (self._values.get(each.name) for each in self.declaration.all_parameters if each.stage == REQUEST)
        reasons = (getattr(each, name, None) for each in sent for name in ("reason", "resolution_reason"))
        return next((each for each in reasons if isinstance(each, str)), None)

    def short(self, database: str) -> AbstractContextManager[Connection]:
        """Return a read-only transaction for a `with` block, apart from the call's own."""
        return transaction(database, self.declaration.api, read_only=True)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a handler."""

    name: str
    annotation: TypeForm[object]
    """Its type: a class, a union, a NewType, Annotated and so on."""
    in_path: bool
    """Whether the path's template has its name."""


class Provider(ABC):
    """Fills one parameter of a handler. The defaults are those of a type that implies nothing."""

    types: ClassVar[tuple[TypeForm[object], ...]] = ()
    """The types of the parameters that it fills, unless `takes` goes by something else."""
    stage: ClassVar[int] = REQUEST
    reads_query: ClassVar[bool] = False
    in_endpoints: ClassVar[bool] = True
    in_subscribers: ClassVar[bool] = False
    group: ClassVar[str] = ""
    """The name of the locked dependencies that it needs; empty if those of every function do."""
    settings: ClassVar[tuple[str, ...]] = ()
    """The settings that a deployment needs because of it, beside the addresses of databases."""

    errors: tuple[type[ApiError], ...] = ()
    """The API errors that an endpoint may answer because of it."""
    parameters: tuple["Provider", ...] = ()
    """The parameters of the function that makes the value, if one does."""
    databases: tuple[str, ...] = ()
    """The databases that it connects to."""
    holds: tuple[str, ...] = ()
    """The databases in which a transaction is open as long as the handler runs."""
    models: tuple[type[BaseModel], ...] = ()
    """The models that the request is read as."""
    methods: tuple[str, ...] = ()
    """HTTP methods that an endpoint answers because of it, beside its own."""

    def __init__(self, parameter: Parameter) -> None:
        """Take the parameter that it fills."""
        self.name = parameter.name
        self.annotation = parameter.annotation

    def __init_subclass__(cls) -> None:
        """Register the class: from now on it is asked which parameters it takes."""
        _kinds.append(cls)

    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether it fills a parameter."""
        return parameter.annotation in cls.types

    @abstractmethod
    def value(self, call: Call) -> object:
        """Return the value for one call. Raises ApiError."""

    def connects(self, declaration: Declaration) -> tuple[str, ...]:  # noqa: ARG002 - others depend on it
        """Return the databases that a deployment connects to because of it."""
        return self.databases

    def secrets(self, declaration: Declaration) -> tuple[str, ...]:  # noqa: ARG002 - others depend on it
        """Return the secrets that a deployment needs because of it, beside the passwords of databases."""
        return ()

    def openapi(self, method: str, schemas: Schemas) -> Schema:  # noqa: ARG002 - others depend on them
        """Return what it adds to an OpenAPI operation of an HTTP method."""
        return {}


class Prepared(Provider):
    """Fills a parameter with what a function returns that runs before the handler's transaction is opened."""

    stage = PREPARED

    def __init__(self, parameter: Parameter, prepare: Callable[..., object], parameters: tuple[Provider, ...]) -> None:
        """`prepare` is the function, and `parameters` fill its own parameters."""
        super().__init__(parameter)
        self.prepare = prepare
        self.parameters = parameters

    @override
    def value(self, call: Call) -> object:
        """Return what the function returns."""
        return self.prepare(**{each.name: call.value(each) for each in self.parameters})


def providers(function: Callable[..., object], *, path: str = "", subscribers: bool = False) -> tuple[Provider, ...]:
    """Return the provider of each parameter of a function. Raises TypeError if a parameter's type has none."""
    return tuple(_provider(each, subscribers=subscribers) for each in parameters_of(function, path))


def endpoint_providers(
    handler: Callable[..., object], path: str, prepare: Callable[..., object] | None
) -> tuple[Provider, ...]:
    """Return the provider of each parameter of an endpoint's handler; `prepare` makes those of the type it returns."""
    if prepare is None:
        return providers(handler, path=path)
    made = get_type_hints(prepare)["return"]
    return tuple(
        Prepared(each, prepare, providers(prepare, path=path)) if each.annotation is made else _provider(each)
        for each in parameters_of(handler, path)
    )


def parameters_of(function: Callable[..., object], path: str) -> list[Parameter]:
    """Return the parameters of a function; `path` is the template of its endpoint's path."""
    hints, in_path = get_type_hints(function, include_extras=True), path_parameters(path)
    return [Parameter(name, hints[name], name in in_path) for name in signature(function).parameters]


def _provider(parameter: Parameter, *, subscribers: bool = False) -> Provider:
    for kind in _kinds:
        if (kind.in_subscribers if subscribers else kind.in_endpoints) and kind.takes(parameter):
            return kind(parameter)
    message = f"the parameter {parameter.name!r} has the type {parameter.annotation!r}, which nothing fills"
    raise TypeError(message)


def members(annotation: object) -> tuple[object, ...]:
    """Return the types in a union, or the one type that isn't a union."""
    return get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)


def is_a(annotation: TypeForm[object], base: type[T]) -> TypeGuard[type[T]]:
    """Return whether a parameter's type is a class, which may be generic, that descends from `base`."""
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, base)
