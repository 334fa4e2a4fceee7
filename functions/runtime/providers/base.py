"""What fills a handler's parameters: one provider for each parameter, of the class that takes the parameter's type.

A module beside this one holds all that is known of one kind of type: its values, and what they imply for deployments
and documents. It is in use as soon as it is imported, so a type that stands there itself needs nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from inspect import signature
from typing import ClassVar, Final, Literal, Protocol, TypeGuard, TypeVar, get_origin, get_type_hints

import flask
from pydantic import BaseModel, JsonValue
from sqlalchemy import Connection
from typing_extensions import TypeForm, override

from events.wire import CloudEvent
from functions.domain.api_errors import ApiError, FieldError, Invalid
from functions.runtime.databases import transaction
from functions.runtime.declarations import Declaration, path_parameters

CALLER: Final = 0
REQUEST: Final = 1
PREPARED: Final = 2
RESOURCE: Final = 3
"""The stages of filling parameters: the caller, what was sent, what `prepare` returns, transactions and such."""

T = TypeVar("T")

Schema = dict[str, JsonValue]

_UNKNOWN: Final = ("unknown", "There is no such parameter.")

_kinds: Final[list[type["Provider"]]] = []
"""Every class of providers whose module was imported."""


class Schemas(Protocol):
    """The schemas of a document's models."""

    def reference(self, model: type[BaseModel], mode: Literal["validation", "serialization"], /) -> Schema:
        """Return the `$ref` to a model's schema."""

    def properties(self, model: type[BaseModel], /) -> dict[str, Schema]:
        """Return the schemas of a model's fields."""

    def example(self, schema: Schema, /) -> JsonValue:
        """Return a value that fits."""


class Call:
    """One request on its way into its handler. Transactions that it opens end with `stack`."""

    event: CloudEvent
    """What a subscriber is called with; endpoints have none."""

    def __init__(
        self,
        declaration: Declaration,
        request: flask.Request,
        stack: ExitStack,
        path_values: dict[str, str] | None = None,
    ) -> None:
        """`path_values` are the texts that stand in the path where its template has names."""
        self.declaration = declaration
        self.request = request
        self.stack = stack
        self.path_values = path_values or {}
        self.caller_id: str | None = None
        self._values: dict[str, object] = {}
        self._sessions: dict[str, Connection] = {}

    def read(self) -> None:
        """Check the caller, then read what was sent."""
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
        """Return the handler's arguments, once the request is read; a transaction opens after all else."""
        return {provider.name: self.value(provider) for provider in self.declaration.by_stage}

    def value(self, provider: "Provider") -> object:
        """Return the value of a parameter; those of the same name have the same value."""
        if provider.name not in self._values:
            self._values[provider.name] = provider.value(self)
        return self._values[provider.name]

    def session(self, database: str) -> Connection:
        """Return the call's transaction on a database, opening it the first time."""
        if database not in self._sessions:
            reads = self.declaration.method == "GET"
            opened = transaction(database, self.declaration.api, read_only=reads)
            self._sessions[database] = self.stack.enter_context(opened)
        return self._sessions[database]

    def short(self, database: str) -> AbstractContextManager[Connection]:
        """Open a transaction that ends with its block and changes nothing."""
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
    """Those of the parameters that it fills, unless `takes` goes by something else."""
    stage: ClassVar[int] = REQUEST
    reads_query: ClassVar[bool] = False
    in_endpoints: ClassVar[bool] = True
    in_subscribers: ClassVar[bool] = False
    errors: ClassVar[tuple[type[ApiError], ...]] = ()
    """What an endpoint may answer because of it."""
    group: ClassVar[str] = ""
    """The locked dependencies it needs, if it needs more than every function does."""
    settings: ClassVar[tuple[str, ...]] = ()
    """What a deployment needs because of it, beside the addresses of databases."""

    parameters: tuple["Provider", ...] = ()
    """Those of a function that makes the value."""
    databases: tuple[str, ...] = ()
    """Those that it connects to."""
    holds: tuple[str, ...] = ()
    """Those in which a transaction is open as long as the handler runs."""
    models: tuple[type[BaseModel], ...] = ()
    """Those that the request is read as."""
    methods: tuple[str, ...] = ()
    """HTTP methods that an endpoint answers because of it."""

    def __init__(self, parameter: Parameter) -> None:
        """Take the parameter that it fills."""
        self.name = parameter.name
        self.annotation = parameter.annotation

    def __init_subclass__(cls) -> None:
        """Let parameters be filled by it from now on."""
        _kinds.append(cls)

    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether it fills a parameter."""
        return parameter.annotation in cls.types

    @abstractmethod
    def value(self, call: Call) -> object:
        """Return the value, or raise an ApiError."""

    def connects(self, declaration: Declaration) -> tuple[str, ...]:  # noqa: ARG002 - others depend on it
        """Return the databases that a deployment connects to because of it."""
        return self.databases

    def secrets(self, declaration: Declaration) -> tuple[str, ...]:  # noqa: ARG002 - others depend on it
        """Return the secrets that a deployment needs because of it, beside the passwords of databases."""
        return ()

    def openapi(self, method: str, schemas: Schemas) -> Schema:  # noqa: ARG002 - others depend on them
        """Return what an OpenAPI operation of an HTTP method says because of it."""
        return {}


class Prepared(Provider):
    """What is worked out before the handler's transaction opens, by a function that has parameters itself."""

    stage = PREPARED

    def __init__(self, parameter: Parameter, prepare: Callable[..., object], parameters: tuple[Provider, ...]) -> None:
        """`prepare` is called with the values of its own parameters."""
        super().__init__(parameter)
        self.prepare = prepare
        self.parameters = parameters

    @override
    def value(self, call: Call) -> object:
        """Return what the function returns."""
        return self.prepare(**{each.name: call.value(each) for each in self.parameters})


def providers(function: Callable[..., object], *, path: str = "", subscribers: bool = False) -> tuple[Provider, ...]:
    """Return what fills each of a function's parameters; raise TypeError for one that nothing fills."""
    return tuple(_provider(each, subscribers=subscribers) for each in parameters_of(function, path))


def endpoint_providers(
    handler: Callable[..., object], path: str, prepare: Callable[..., object] | None
) -> tuple[Provider, ...]:
    """Return what fills each parameter of an endpoint's handler, of which `prepare` may make one."""
    if prepare is None:
        return providers(handler, path=path)
    made = get_type_hints(prepare)["return"]
    return tuple(
        Prepared(each, prepare, providers(prepare, path=path)) if each.annotation is made else _provider(each)
        for each in parameters_of(handler, path)
    )


def parameters_of(function: Callable[..., object], path: str) -> list[Parameter]:
    """Return the parameters of a function, of which some are in the path of its endpoint."""
    hints, in_path = get_type_hints(function, include_extras=True), path_parameters(path)
    return [Parameter(name, hints[name], name in in_path) for name in signature(function).parameters]


def _provider(parameter: Parameter, *, subscribers: bool = False) -> Provider:
    for kind in _kinds:
        if (kind.in_subscribers if subscribers else kind.in_endpoints) and kind.takes(parameter):
            return kind(parameter)
    message = f"the parameter {parameter.name!r} has the type {parameter.annotation!r}, which nothing fills"
    raise TypeError(message)


def is_a(annotation: TypeForm[object], base: type[T]) -> TypeGuard[type[T]]:
    """Return whether a parameter's type is a class, which may be generic, that descends from `base`."""
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, base)
