"""The operations of A2A, for both bindings: each takes its parameters, and returns what the endpoint answers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic

from pydantic import JsonValue

from events import envelope
from functions.domain.a2a import card_keys, cards, contexts, finding, push_configs, sending, tasks, webhooks
from functions.domain.a2a.errors import TaskNotCancelable, TaskNotFound, UnsupportedOperation
from functions.domain.a2a.requests import (
    CreatePushConfig,
    GetTask,
    ListPushConfigs,
    ListTasks,
    OfPushConfig,
    OfTask,
    SendMessage,
    read,
)
from functions.domain.api_errors import Conflict, Forbidden, TooMany
from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import accepting, commands
from functions.domain.runs.commands import RunEnded
from functions.domain.runs.reading import Of, check_instance
from functions.runtime.a2a.bindings import Binding, Json, Wrapped
from functions.runtime.a2a.following import Awaited, Frames, TaskStream, View
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.declarations import Resources
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.run_following import followed
from functions.runtime.run_stream import PAUSED
from shared_psql_models.runs import ENDED, Run, RunStatus

LONGEST: Final = 590
"""Seconds that a blocking send waits: a little less than a function may take. Then the task is answered as it is."""

CANCEL_SECONDS: Final = 4
"""For which an agent that is at work is waited for to end."""

MAX_BODY: Final = 512 * 1024
"""Bytes of a body with a message."""

BRIEF: Final = Resources(concurrency=16)
SIGNING: Final = Resources(secrets=(card_keys.NAME,), settings=("API_URL",))
SEALING: Final = Resources(concurrency=16, secrets=(config_secrets.KEYS_NAME,), settings=webhooks.SETTINGS)
FOLLOWING: Final = Resources(concurrency=32, timeout_seconds=580, settings=accepting.SETTINGS)
SENDING: Final = replace(FOLLOWING, secrets=SEALING.secrets, settings=(*FOLLOWING.settings, *SEALING.settings))
ANY: Final = replace(
    SENDING, secrets=(*SENDING.secrets, *SIGNING.secrets), settings=(*SENDING.settings, *SIGNING.settings)
)
"""Resources: of what answers at once, of what signs, of what seals, of what waits and streams, which takes no thread,
of what takes messages, and of all."""

ERRORS: Final = (InstanceNotFound, TaskNotFound, Conflict, Forbidden, TooMany)
SEALING_ERRORS: Final = (*ERRORS, SecretsUnavailable)


@dataclass(frozen=True)
class Asker(Generic[Wrapped]):
    """Who asks for an operation, of which instance, and how it is answered."""

    caller: User
    instance_id: str
    request: A2ARequest
    transactions: RunTransactions
    binding: Binding[Wrapped]

    @property
    def of(self) -> Of:
        """Whose tasks are meant."""
        return Of(self.caller.id, self.instance_id)

    def check(self, db: SharedDb) -> None:
        """Raise InstanceNotFound and VersionNotSupported."""
        check_instance(db, self.instance_id, owner_id=self.caller.id)
        self.request.check()

    def headers(self) -> Mapping[str, str]:
        """Return the headers that tell which extensions are in use."""
        return {"A2A-Extensions": cards.RESUMING} if self.request.resumes else {}

    def answer(self, result: Json) -> Wrapped:
        """Return a result as an answer."""
        return self.binding.answer(result, self.headers())


def send_message(asker: Asker[Wrapped], params: JsonValue) -> Wrapped | Awaited:
    """Begin or go on with a task; wait for it to end or to ask for something, unless it is to be answered at once."""
    asked, run = _send(asker, params)
    configuration, followed_run = asked.configuration, followed(run.id)

    def look(late: bool) -> Json | None:
        if not late and followed_run.state(asker.transactions).status not in PAUSED:
            return None
        with asker.transactions.reading() as db:
            task = finding.task(db, finding.run(db, run.id, asker.of))
        reply = task.reply()
        return {"task": task.shown(history=configuration.history_length)} if reply is None else {"message": reply}

    if configuration.return_immediately:
        return asker.answer(look(True) or {})
    return Awaited(look, asker.binding, followed_run, seconds=LONGEST)


def send_streaming_message(asker: Asker[Wrapped], params: JsonValue) -> TaskStream:
    """Begin or go on with a task, and stream what happens in it until it ends or asks for something."""
    asked, run = _send(asker, params)
    resumed = asker.request.last_event_id if asker.request.resumes else None
    after = run.last_sequence if resumed is None else min(resumed, run.last_sequence)
    return _stream(asker, run, after, history=asked.configuration.history_length, ends=PAUSED)


def _send(asker: Asker[Wrapped], params: JsonValue) -> tuple[SendMessage, Run]:
    with asker.transactions() as db:
        asker.check(db)
        asked = read(SendMessage, params)
        run = sending.send(db, asker.instance_id, asker.caller.id, asked, asker.request.key)
    return asked, run


def get_task(asker: Asker[Wrapped], params: JsonValue) -> Wrapped:
    """Return a task as it is."""
    with asker.transactions.reading() as db:
        asker.check(db)
        asked = read(GetTask, params)
        task = finding.task(db, finding.run(db, asked.id, asker.of))
    return asker.answer(task.shown(history=asked.history_length))


def list_tasks(asker: Asker[Wrapped], params: JsonValue) -> Wrapped:
    """Return a page of tasks, the one whose status changed last first."""
    from functions.domain.a2a import listing

    with asker.transactions.reading() as db:
        asker.check(db)
        asked = read(ListTasks, params)
        page = listing.page(db, asker.of, asked)
        known = contexts.of_runs(db, page.runs)
        shown: list[JsonValue] = [
            finding.task(db, run).shown(history=asked.history_length)
            if asked.include_artifacts
            else tasks.row(run, known[run.conversation_id], history=asked.history_length)
            for run in page.runs
        ]
    return asker.answer(
        {"tasks": shown, "nextPageToken": page.next_token, "pageSize": page.size, "totalSize": page.total}
    )


def cancel_task(asker: Asker[Wrapped], params: JsonValue) -> Awaited:
    """Cancel a task, and wait a moment for an agent that is at work to end."""
    with asker.transactions() as db:
        asker.check(db)
        asked = read(OfTask, params)
        run = finding.run(db, asked.id, asker.of)
        try:
            commands.cancel(db, run.id, asker.of)
        except RunEnded:
            raise TaskNotCancelable(f"The task has ended as {run.status}: there is nothing to cancel.") from None
    followed_run = followed(run.id)

    def look(late: bool) -> Json | None:
        if not late and followed_run.state(asker.transactions).status not in ENDED:
            return None
        with asker.transactions.reading() as db:
            return finding.task(db, finding.run(db, run.id, asker.of)).shown()

    return Awaited(look, asker.binding, followed_run, seconds=CANCEL_SECONDS)


def subscribe_to_task(asker: Asker[Wrapped], params: JsonValue) -> TaskStream:
    """Stream what happens in a task from now on until it ends, or after the event that a client has seen."""
    with asker.transactions.reading() as db:
        asker.check(db)
        run = finding.run(db, read(OfTask, params).id, asker.of)
    resumed = asker.request.last_event_id if asker.request.resumes else None
    if resumed is None and run.ended:
        raise UnsupportedOperation(f"The task has ended as {run.status}: ask for it.")
    after = run.last_sequence if resumed is None else min(resumed, run.last_sequence)
    return _stream(asker, run, after, history=None, ends=ENDED)


def get_extended_agent_card(asker: Asker[Wrapped], _params: JsonValue) -> Wrapped:
    """Return the card: its owner sees no more than what it says to everybody who may read it."""
    with asker.transactions.reading() as db:
        asker.check(db)
        api = envelope.api()
        return asker.answer(card_keys.signed(cards.of_instance(db, asker.instance_id, asker.caller.id, api), api))


def create_push_config(asker: Asker[Wrapped], params: JsonValue) -> Wrapped:
    """Have notifications about a task go to a webhook, or change how they do."""
    with asker.transactions() as db:
        asker.check(db)
        asked = read(CreatePushConfig, params)
        config = push_configs.put(db, finding.locked(db, asked.task_id, asker.of), asked)
        asker.transactions.audit.enter(db, asker.instance_id, asked.task_id, action="create_a2a_push_config")
    return asker.answer(push_configs.shown(config))


def get_push_config(asker: Asker[Wrapped], params: JsonValue) -> Wrapped:
    """Return where notifications about a task go."""
    with asker.transactions.reading() as db:
        asker.check(db)
        asked = read(OfPushConfig, params)
        config = push_configs.find(db, finding.run(db, asked.task_id, asker.of).id, asked.id)
    return asker.answer(push_configs.shown(config))


def list_push_configs(asker: Asker[Wrapped], params: JsonValue) -> Wrapped:
    """Return everywhere that notifications about a task go."""
    with asker.transactions.reading() as db:
        asker.check(db)
        asked = read(ListPushConfigs, params)
        found = push_configs.of_run(db, finding.run(db, asked.task_id, asker.of).id)
    return asker.answer({"configs": [push_configs.shown(each) for each in found], "nextPageToken": ""})


def delete_push_config(asker: Asker[Wrapped], params: JsonValue) -> Wrapped:
    """Have no notifications about a task go there any more, whether any did or not."""
    with asker.transactions() as db:
        asker.check(db)
        asked = read(OfPushConfig, params)
        push_configs.delete(db, finding.run(db, asked.task_id, asker.of).id, asked.id)
        asker.transactions.audit.enter(db, asker.instance_id, asked.task_id, action="delete_a2a_push_config")
    return asker.answer({})


def _stream(
    asker: Asker[Wrapped], run: Run, after: int, *, history: int | None, ends: frozenset[RunStatus]
) -> TaskStream:
    with asker.transactions.reading() as db:
        task = finding.task(db, run, until=after)
    frames = Frames(task, asker.binding, numbered=asker.request.resumes)
    view = View(frames, task.sequence, ends, history, asker.headers())
    return TaskStream(asker.transactions, run.id, asker.caller, view)
