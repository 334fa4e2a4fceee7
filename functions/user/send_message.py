"""POST /v1/instances/{instance_id}/messages: say something to a running instance, and get its reply."""

from time import perf_counter
from typing import Annotated

from pydantic import Field

from core.ids import new_id
from functions.domain.instances import commands, conditions, kill_switches, reading, sealing, told
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.contexts import KEYS_NAME, Message
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs.accepting import InstanceNotRunning
from functions.runtime import agent_host_client
from functions.runtime.agent_host_client import MESSAGE_ERRORS, SETTING, AgentUnavailable, StaleContext, StartFailed
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions
from functions.schemas.base import Body, Reply
from functions.schemas.instances import InstanceId


class NewMessage(Body):
    """What to say."""

    text: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S", examples=["Hello"])]


class Answer(Reply):
    """What the agent said."""

    id: Annotated[str, Field(description="The message's id.")]
    text: str
    replied_in_ms: int


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/messages",
    errors=(InstanceNotFound, InstanceNotRunning, StoppedByOperator, SecretsUnavailable, *MESSAGE_ERRORS),
    resources=Resources(concurrency=32, secrets=(KEYS_NAME, sealing.KEYS_NAME), settings=(SETTING,)),
)
def send_message(caller: User, instance_id: InstanceId, message: NewMessage, transaction: SharedTransactions) -> Answer:
    """Wait for the reply; the agent has eight seconds."""
    with transaction() as db:
        instance = reading.find(db, instance_id, owner_id=caller.id)
        kill_switches.check_message(db, caller.id, instance.id, instance.version_id)
        context = told.serving(db, instance_id) if conditions.takes_messages(instance) else None
    if context is None:
        raise InstanceNotRunning(f"The instance takes no messages, its status is {instance.status}: {instance.message}")
    started = perf_counter()
    message_id = new_id("msg")
    try:
        message_of_it = Message(id=message_id, text=message.text)
        text = agent_host_client.say(context.model_copy(update={"message": message_of_it}))
    except StaleContext:
        # It was stopped since it was read.
        raise AgentUnavailable from None
    except StartFailed as failed:
        with transaction() as db:
            commands.doubt(db, instance_id, context.row_version)
        raise failed.error from None
    return Answer(id=message_id, text=text, replied_in_ms=round((perf_counter() - started) * 1000))
