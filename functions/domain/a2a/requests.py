"""What clients of A2A ask, as models: fields that aren't known are passed over, as its protocol buffers have it."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from functions.domain.a2a.errors import InvalidParams
from functions.domain.api_errors import FieldError

NAME: Final = 256
"""Characters of a client's own id."""

PAGE: Final = 50
LONGEST_PAGE: Final = 100

Model = TypeVar("Model", bound="Params")

Members = dict[str, JsonValue]


def _or_none(value: object) -> object:
    return None if value == "" else value


Id = Annotated[str, Field(min_length=1, max_length=NAME)]
OptionalId = Annotated[Id | None, BeforeValidator(_or_none)]
"""In protocol buffers an empty text is one that wasn't given."""


class Params(BaseModel):
    """Parameters of an operation, or a part of them."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        alias_generator=AliasGenerator(alias=to_camel),
        populate_by_name=True,
    )


class Part(Params):
    """A part of a message: one of text, bytes in Base64, an address, or JSON."""

    text: str | None = None
    raw: str | None = None
    url: str | None = None
    data: JsonValue = None
    media_type: str = ""
    filename: str = ""
    metadata: Members | None = None

    @property
    def kind(self) -> str:
        """Return which of the four it is."""
        [kind] = self.model_fields_set & {"text", "raw", "url", "data"}
        return kind

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        kinds = self.model_fields_set & {"text", "raw", "url", "data"}
        if len(kinds) != 1 or any(getattr(self, each) is None for each in kinds - {"data"}):
            raise ValueError("a part has one of text, raw, url and data")
        return self


class Message(Params):
    """What a client says."""

    message_id: Id
    role: Literal["ROLE_USER"]
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=100)]
    context_id: OptionalId = None
    task_id: OptionalId = None
    metadata: Members | None = None
    extensions: tuple[str, ...] = ()
    reference_task_ids: tuple[str, ...] = ()


class Authentication(Params):
    """How notifications authenticate themselves where they go."""

    scheme: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    credentials: Annotated[str, Field(max_length=4096, pattern=r"^[\x20-\x7e]*$")] = ""


class PushConfig(Params):
    """Where push notifications about a task go."""

    url: Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[\x21-\x7e]*$")]
    id: OptionalId = None
    task_id: OptionalId = None
    token: Annotated[str, Field(max_length=4096, pattern=r"^[\x20-\x7e]*$")] = ""
    authentication: Authentication | None = None


HistoryLength = Annotated[int, Field(ge=0)] | None


class Configuration(Params):
    """How a message is to be answered."""

    return_immediately: bool = False
    history_length: HistoryLength = None
    accepted_output_modes: tuple[str, ...] = ()
    task_push_notification_config: PushConfig | None = None


class SendMessage(Params):
    """Parameters of SendMessage and SendStreamingMessage."""

    message: Message
    configuration: Configuration = Configuration()
    metadata: Members | None = None


class OfTask(Params):
    """Parameters of CancelTask and SubscribeToTask."""

    id: Id


class CreatePushConfig(PushConfig):
    """Parameters of CreateTaskPushNotificationConfig."""

    task_id: Id


class OfPushConfig(Params):
    """Parameters of GetTaskPushNotificationConfig and DeleteTaskPushNotificationConfig."""

    task_id: Id
    id: Id


class ListPushConfigs(Params):
    """Parameters of ListTaskPushNotificationConfigs. All of them are on one page, so there is no other's token."""

    task_id: Id
    page_size: Annotated[int, Field(ge=0)] = 0
    page_token: Annotated[str, Field(max_length=0)] = ""


class GetTask(OfTask):
    """Parameters of GetTask."""

    history_length: HistoryLength = None


class ListTasks(Params):
    """Parameters of ListTasks."""

    context_id: OptionalId = None
    status: Annotated[str | None, BeforeValidator(_or_none)] = None
    page_size: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] | None = None
    page_token: Annotated[str, Field(max_length=512)] = ""
    history_length: HistoryLength = None
    status_timestamp_after: Annotated[str | None, BeforeValidator(_or_none)] = None
    include_artifacts: bool = False


def read(model: type[Model], params: JsonValue | Mapping[str, object]) -> Model:
    """Return parameters as their model. Raises InvalidParams."""
    try:
        return model.model_validate({} if params is None else params)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [FieldError(_place(each["loc"]), each["type"], each["msg"]) for each in details[:20]]
    raise InvalidParams(f"{errors[0].pointer or 'params'}: {errors[0].message}", errors=errors)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(each) for each in location)
