"""What every event type is: a frozen Pydantic model with a name, a version, a subject, and who may produce it."""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

GRAMMAR: Final = re.compile(r"^com\.botberi\.[a-z][a-z_]*\.[a-z][a-z_]*\.v[1-9][0-9]*$")
"""`com.botberi.<noun>.<past participle>.v<N>`"""

TYPES: Final[dict[str, type["Event"]]] = {}
"""Every event type whose module was imported, by name. `events.catalog.load()` imports them all."""


EVERYBODY: Final = "broker"
"""The scope of types that everybody may say who may publish at all."""

OUTSIDE: Final = "shared_psql/broker"
"""The role and database that write what other systems publish."""


class Event(BaseModel):
    """The data of an event. A subclass names its type, the field that says what it is about, and who may produce it.

    `class AccountRegistered(Event, type="com.botberi.account.registered.v1", subject="account_id",
    produced_by=("user_psql/user",))`: the role `botberi_user` says it, in `user_psql`, and nobody else anywhere.

    A type that other systems publish names the `scope` which they need instead, such as `"records"`; with the scope
    `"broker"` every caller that may publish at all may say it.

    Events of one subject are delivered in the order in which they were committed, if their writers take turns: each
    holds a lock on the subject, as on its row, from before it emits until it has committed.
    """

    # Errors are logged, and what is said of people is not for logs.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: ClassVar[str]
    subject_field: ClassVar[str]
    produced_by: ClassVar[tuple[str, ...]]
    """Which part says it, as `database/role`; the first database is the type's home. Nobody but these may."""
    scope: ClassVar[str | None]
    """What a caller needs who publishes it over HTTP; None for a type that is Botberi's own."""

    def __init_subclass__(cls, **_kwargs: object) -> None:
        """Let the class arguments through, which pydantic gives to both hooks."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(  # type: ignore[override]  # a subclass must name both
        cls,
        *,
        type: str,  # noqa: A002 - the name that CloudEvents gives it
        subject: str,
        produced_by: tuple[str, ...] = (),
        scope: str | None = None,
        **kwargs: object,
    ) -> None:
        """Register the type under its name."""
        super().__pydantic_init_subclass__(**kwargs)
        if not GRAMMAR.match(type):
            message = f"{type} is not com.botberi.<noun>.<past participle>.v<N>"
            raise ValueError(message)
        if subject not in cls.model_fields:
            message = f"{cls.__name__} has no field {subject} to be its subject"
            raise ValueError(message)
        if bool(produced_by) == bool(scope):
            message = f"{cls.__name__} names either who produces it, or the scope that others need"
            raise ValueError(message)
        cls.produced_by = produced_by or (OUTSIDE,)
        cls.scope = scope
        cls.type = type
        cls.subject_field = subject
        TYPES[type] = cls

    @classmethod
    def __get_pydantic_json_schema__(
        cls,
        core_schema: CoreSchema,
        handler: GetJsonSchemaHandler,
        /,
    ) -> JsonSchemaValue:
        """Describe each field by the docstring below it.

        Pydantic can do so itself, but then reads the source of every event whenever its module is imported.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in _said_of_fields(cls).items():
            properties[name]["description"] = text
        return schema

    @classmethod
    def read(cls, data: Mapping[str, object]) -> Self:
        """Return the event that `data` speaks of, without what it has beside the fields of this version.

        A newer producer may say more, which no consumer has to know of. Raises pydantic's ValidationError.
        """
        return cls.model_validate(data, extra="ignore")

    @classmethod
    def databases(cls) -> tuple[str, ...]:
        """Return the databases whose outbox may hold events of this type, its home first."""
        return tuple(dict.fromkeys(each.partition("/")[0] for each in cls.produced_by))

    @classmethod
    def is_trusted(cls, source: str) -> bool:
        """Return whether to trust an event of this type from `source`: ours come from their databases alone."""
        return cls.scope is not None or source in {f"/botberi/{each}" for each in cls.databases()}

    @property
    def subject(self) -> str:
        """The id of what the event is about."""
        return str(getattr(self, self.subject_field))


@cache
def _said_of_fields(model: type[Event]) -> Mapping[str, str]:
    # Every schema asks for it, and Python reads the source of a whole module for it.
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    said = {}
    for field, text in pairwise(getattr(definition, "body", ())):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                said[name] = inspect.cleandoc(words)
    return said
