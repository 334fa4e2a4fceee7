"""One request on its way into its handler: who calls, and a value for every parameter."""

from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final

import flask

from core import context
from functions.domain.databases import SharedDb, UserDb
from functions.domain.principals import is_key
from functions.runtime import inputs
from functions.runtime.callers import Publisher, User, bearer, check_session, claims, publisher
from functions.runtime.databases import shared_transaction, user_transaction
from functions.runtime.declarations import Declaration, Parameter
from functions.schemas.shapes import UserTransactions

_LATE: Final = ("prepared", "database", "transactions", "cache")
"""What a parameter is filled from once all that was sent is read."""


class Call:
    """Fills a handler's parameters by their types. Transactions that it opens end with `stack`."""

    def __init__(
        self, declaration: Declaration, request: flask.Request, stack: ExitStack, path_values: dict[str, str]
    ) -> None:
        """`path_values` are the texts that stand in the path where its template has names."""
        self.declaration = declaration
        self.request = request
        self.stack = stack
        self.path_values = path_values
        self.caller: User | None = None
        self._given: dict[str, Any] = {}
        self._sessions: dict[str, Any] = {}

    def read(self) -> None:
        """Check the caller, then read what was sent."""
        self.caller = self._guard()
        if self.declaration.parameter("query") is None:
            inputs.no_query(self.request)
        for parameter in (*self.declaration.parameters, *self.declaration.preparing):
            if parameter.source not in _LATE and parameter.name not in self._given:
                self._given[parameter.name] = self._value(parameter)

    def arguments(self) -> dict[str, Any]:
        """Return the handler's arguments, once the request is read; a transaction opens after all else."""
        late = sorted(self.declaration.parameters, key=lambda parameter: parameter.source != "prepared")
        return {each.name: self._argument(each) for each in late}

    def _argument(self, parameter: Parameter) -> Any:  # noqa: ANN401 - whatever the parameter's type takes
        return self._given[parameter.name] if parameter.name in self._given else self._value(parameter)

    def run(self, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the handler returns
        """Call the handler."""
        return self.declaration.handler(**arguments)

    def session(self, kind: Any) -> Any:  # noqa: ANN401 - UserDb or SharedDb
        """Return the call's transaction on a database, opening it the first time."""
        if kind.__name__ not in self._sessions:
            begin = user_transaction if kind is UserDb else shared_transaction
            reads = self.declaration.method == "GET"
            opened = begin(self.declaration.surface, read_only=reads)
            self._sessions[kind.__name__] = self.stack.enter_context(opened)
        return self._sessions[kind.__name__]

    def short(self, kind: Any) -> AbstractContextManager[Any]:  # noqa: ANN401 - UserDb or SharedDb
        """Open a transaction that ends with its block and changes nothing."""
        begin = user_transaction if kind is UserDb else shared_transaction
        return begin(self.declaration.surface, read_only=True)

    def _guard(self) -> User | None:
        parameter = self.declaration.parameter("caller")
        if parameter is None:
            return None
        token = bearer(self.request.headers.get("Authorization"))
        if parameter.annotation is Publisher and is_key(token):
            other = publisher(self.session(SharedDb), token)
            context.act_as(other.id)
            return other
        known = claims(token)
        context.act_as(str(known["sub"]))
        caller: User = parameter.annotation.of(known)
        self._check_session(caller)
        return caller

    def _check_session(self, caller: User) -> None:
        kinds = {parameter.annotation for parameter in self.declaration.parameters}
        stays_open = self.declaration.prepare is None
        if stays_open and UserDb in kinds:
            check_session(caller, user=self.session(UserDb), shared=None)
        elif stays_open and SharedDb in kinds:
            check_session(caller, user=None, shared=self.session(SharedDb))
        elif kinds & {UserDb, UserTransactions}:
            with self.short(UserDb) as user:
                check_session(caller, user=user, shared=None)
        else:
            with self.short(SharedDb) as shared:
                check_session(caller, user=None, shared=shared)

    def _prepared(self) -> Any:  # noqa: ANN401 - whatever the function returns
        given = {each.name: self._argument(each) for each in self.declaration.preparing}
        return self.declaration.prepare(**given) if self.declaration.prepare else None

    def _value(self, parameter: Parameter) -> Any:  # noqa: ANN401, PLR0911 - one return for each kind of parameter
        match parameter.source:
            case "path":
                return inputs.path_value(parameter.annotation, self.path_values[parameter.name])
            case "query":
                return inputs.query(self.request, parameter.annotation)
            case "body":
                return inputs.json_body(self.request, parameter.annotation, self.declaration.max_body)
            case "caller":
                return self.caller
            case "header":
                return inputs.if_match(self.request)
            case "prepared":
                return self._prepared()
            case "database":
                return self.session(parameter.annotation)
            case "transactions":
                role = self.declaration.surface
                begin = user_transaction if parameter.annotation is UserTransactions else shared_transaction
                return parameter.annotation(lambda: begin(role))
            case _:
                from functions.runtime.cache import connect  # noqa: PLC0415 - redis is slow to import

                return connect("cache")
