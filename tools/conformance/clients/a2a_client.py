"""What the official client of A2A does with an instance: run by the interpreter that has the package `a2a-sdk`."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.client import Client
from a2a.types import a2a_pb2 as types
from a2a.utils import errors
from a2a.utils.signing import create_signature_verifier
from google.protobuf import json_format
from jwt import PyJWKSet
from reporting import checked

ADDRESS = os.environ["ADDRESS"]
BASE = f"{ADDRESS}/v1/instances/{os.environ['INSTANCE']}/a2a"
STATES = types.TaskState
TOKEN, CREDENTIALS = "ours", "of the webhook"
"""By which notifications are known."""


def said(text: str, **more: str) -> types.SendMessageRequest:
    """Return the request that says a text."""
    message = types.Message(message_id=uuid.uuid4().hex, role=types.Role.ROLE_USER, parts=[types.Part(text=text)])
    for name, value in more.items():
        setattr(message, name, value)
    return types.SendMessageRequest(message=message)


async def answered(client: Client, request: types.SendMessageRequest) -> list[types.StreamResponse]:
    """Return everything that the client is told."""
    return [each async for each in client.send_message(request)]


def state_of(response: types.StreamResponse) -> int:
    """Return the state that a response tells; 0 for none."""
    if response.HasField("task"):
        return int(response.task.status.state)
    return int(response.status_update.status.state) if response.HasField("status_update") else 0


def text_of(task: types.Task) -> str:
    """Return the text of a task's artifacts."""
    return "".join(part.text for artifact in task.artifacts for part in artifact.parts)


def push_config(url: str, task_id: str) -> types.TaskPushNotificationConfig:
    """Return where notifications about a task are to go."""
    config = types.TaskPushNotificationConfig(task_id=task_id, url=url)
    config.token = TOKEN
    config.authentication.CopyFrom(types.AuthenticationInfo(scheme="Bearer", credentials=CREDENTIALS))
    return config


@contextmanager
def webhook() -> Iterator[tuple[str, list[tuple[tuple[str, str], str]]]]:
    """Yield the address of a webhook, and a list that it adds to: what authenticates a notification, and its body."""
    told: list[tuple[tuple[str, str], str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.append(((self.headers["Authorization"], self.headers["X-A2A-Notification-Token"]), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", told
    finally:
        server.shutdown()
        server.server_close()


class Operations:
    """Every operation, by one binding."""

    def __init__(self, streaming: Client, blocking: Client) -> None:
        """Take two clients: of one that follows tasks as they go on, and of one that waits for them."""
        self.streaming = streaming
        self.blocking = blocking

    async def send_message(self) -> bool:
        """Return whether a message is answered when its task has ended."""
        [found] = await answered(self.blocking, said("Art, please"))
        return found.task.status.state == STATES.TASK_STATE_COMPLETED and "Go to" in text_of(found.task)

    async def send_streaming_message(self) -> bool:
        """Return whether a stream begins with the task and ends with its end, and its pieces are the reply."""
        found = await answered(self.streaming, said("Art, please"))
        task = await self.blocking.get_task(types.GetTaskRequest(id=found[0].task.id))
        chunks = [each.artifact_update.artifact for each in found if each.HasField("artifact_update")]
        told = "".join(part.text for chunk in chunks for part in chunk.parts)
        ended = state_of(found[-1]) == STATES.TASK_STATE_COMPLETED
        return found[0].HasField("task") and ended and told == text_of(task) != ""

    async def get_task(self) -> bool:
        """Return whether a task has as much history as is asked for."""
        [found] = await answered(self.blocking, said("Art, please"))
        none = await self.blocking.get_task(types.GetTaskRequest(id=found.task.id, history_length=0))
        whole = await self.blocking.get_task(types.GetTaskRequest(id=found.task.id))
        return (len(none.history), len(whole.history)) == (0, 1)

    async def list_tasks(self) -> bool:
        """Return whether tasks of a context are listed page by page."""
        context = uuid.uuid4().hex
        for _ in range(3):
            await answered(self.blocking, said("Art, please", context_id=context))
        first = await self.blocking.list_tasks(types.ListTasksRequest(context_id=context, page_size=2))
        asked = types.ListTasksRequest(context_id=context, page_size=2, page_token=first.next_page_token)
        rest = await self.blocking.list_tasks(asked)
        ids = {each.id for each in (*first.tasks, *rest.tasks)}
        return (len(ids), first.total_size, rest.next_page_token) == (3, 3, "")

    async def input_required(self) -> bool:
        """Return whether a message to its task answers what the agent asks."""
        [waiting] = await answered(self.blocking, said("hello"))
        asked = waiting.task.status.state == STATES.TASK_STATE_INPUT_REQUIRED
        [ended] = await answered(self.blocking, said(os.environ["INTEREST"], task_id=waiting.task.id))
        return asked and ended.task.status.state == STATES.TASK_STATE_COMPLETED

    async def cancel_task(self) -> bool:
        """Return whether a task that waits is cancelled, once."""
        [waiting] = await answered(self.blocking, said("hello"))
        found = await self.blocking.cancel_task(types.CancelTaskRequest(id=waiting.task.id))
        again = self.blocking.cancel_task(types.CancelTaskRequest(id=waiting.task.id))
        return found.status.state == STATES.TASK_STATE_CANCELED and await raises(errors.TaskNotCancelableError, again)

    async def subscribe_to_task(self) -> bool:
        """Return whether a subscription stays while the task asks, and ends with it."""
        [waiting] = await answered(self.blocking, said("hello"))
        task_id = waiting.task.id
        following = asyncio.ensure_future(self._followed(task_id))
        await asyncio.sleep(0.5)
        await answered(self.blocking, said(os.environ["INTEREST"], task_id=task_id))
        found = await asyncio.wait_for(following, 30)
        return found[0].task.id == task_id and state_of(found[-1]) == STATES.TASK_STATE_COMPLETED

    async def _followed(self, task_id: str) -> list[types.StreamResponse]:
        request = types.SubscribeToTaskRequest(id=task_id)
        return [each async for each in self.streaming.subscribe(request)]

    async def push_configs(self) -> bool:
        """Return whether a push config is created, read, listed and deleted, twice, and its secrets are told nobody."""
        [waiting] = await answered(self.blocking, said("hello"))
        config = push_config("https://example.com/", waiting.task.id)
        created = await self.blocking.create_task_push_notification_config(config)
        of_config = {"task_id": waiting.task.id, "id": created.id}
        read = await self.blocking.get_task_push_notification_config(
            types.GetTaskPushNotificationConfigRequest(**of_config)
        )
        of_task = types.ListTaskPushNotificationConfigsRequest(task_id=waiting.task.id)
        listed = await self.blocking.list_task_push_notification_configs(of_task)
        for _ in range(2):
            gone = types.DeleteTaskPushNotificationConfigRequest(**of_config)
            await self.blocking.delete_task_push_notification_config(gone)
        left = await self.blocking.list_task_push_notification_configs(of_task)
        shown = (read.url, read.authentication.scheme, read.authentication.credentials, read.token)
        return (len(listed.configs), len(left.configs), shown) == (1, 0, (config.url, "Bearer", "", ""))

    async def push_notifications(self) -> bool:
        """Return whether a webhook is told what becomes of a task, and shown what authenticates that."""
        with webhook() as (url, told):
            request = said("Art, please")
            request.configuration.task_push_notification_config.CopyFrom(push_config(url, ""))
            await answered(self.blocking, request)
            for _ in range(300):
                states = [state_of(json_format.Parse(body, types.StreamResponse())) for _, body in told]
                if STATES.TASK_STATE_COMPLETED in states:
                    break
                await asyncio.sleep(0.1)
        authentic = all(sent == (f"Bearer {CREDENTIALS}", TOKEN) for sent, _ in told)
        return states == [STATES.TASK_STATE_WORKING, STATES.TASK_STATE_COMPLETED] and authentic

    async def unknown_task(self) -> bool:
        """Return whether a task that there is not is told by its error."""
        asked = self.blocking.get_task(types.GetTaskRequest(id="run_1"))
        return await raises(errors.TaskNotFoundError, asked)

    async def extended_card(self) -> bool:
        """Return whether the extended card is there for its owner."""
        found = await self.blocking.get_extended_agent_card(types.GetExtendedAgentCardRequest())
        return len(found.supported_interfaces) == len(("JSONRPC", "HTTP+JSON"))


async def raises(kind: type[Exception], awaited: Awaitable[object]) -> bool:
    """Return whether an error of this kind comes."""
    try:
        await awaited
    except kind:
        return True
    return False


async def main() -> None:
    """Check the card, and every operation by both bindings."""
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    async with httpx.AsyncClient(headers=headers) as http, httpx.AsyncClient() as nobody:
        card = await A2ACardResolver(http, BASE).get_agent_card()
        keys = PyJWKSet.from_dict((await nobody.get(f"{ADDRESS}/.well-known/card-keys.json")).json())
        verify = create_signature_verifier(lambda kid, _jku: keys[str(kid)], ["EdDSA"])

        with checked("card: its signature is right"):
            verify(card)
        with checked("card: nobody else reads it"):
            answer = await nobody.get(f"{BASE}/.well-known/agent-card.json")
            assert answer.status_code == httpx.codes.UNAUTHORIZED, answer
        for binding in ("JSONRPC", "HTTP+JSON"):
            facts = {"httpx_client": http, "supported_protocol_bindings": [binding]}
            streaming, blocking = (
                ClientFactory(ClientConfig(streaming=streams, **facts)).create(card) for streams in (True, False)
            )
            operations = Operations(streaming, blocking)
            for name in (name for name in vars(Operations) if not name.startswith("_")):
                with checked(f"{binding}: {name}"):
                    assert await getattr(operations, name)(), "not what was expected"


asyncio.run(main())
