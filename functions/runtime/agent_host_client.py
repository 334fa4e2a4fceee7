"""The client of agent hosts: a call is one request whose answer comes as lines of JSON, as it happens.

Each line is an object with one member: `working` (nothing new, but it goes on), `event` (what the agent says), `done`,
or `failed`. A stream that ends without one of the last two was cut off.
"""

import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NoReturn

from core import context as call_context
from core.configuration import MissingSettingError, setting
from functions.domain.api_errors import ApiError, BadGateway, Unavailable
from functions.domain.encryption import NotKeysError
from functions.domain.instances.contexts import ACCEPT, LINE_BYTES, Context, Ends, Kind, OfInstance, Told, keys, seal
from functions.domain.instances.plan import Action, Outcome, Result
from functions.runtime.databases import DependencyDownError

if TYPE_CHECKING:
    import urllib3

log = logging.getLogger(__name__)

Facts = dict[str, Any]
"""What a host says of something, read by its keys."""

Line = tuple[str, Facts]
"""What a line of an answer is, and what it says."""

SETTING: Final = "AGENT_HOST_URL"
"""Where hosts answer."""

MARGIN: Final = 10
"""Seconds that a host has beyond those of the call itself: to wait for its turn, and to wake the agent."""

STATUS: Final = 0.5
"""Seconds in which a host tells who is awake, or nobody waits for it."""

_PIECE: Final = 64 * 1024
"""Bytes of an answer that are read at a time, at most."""

_KINDS: Final = {Action.PREPARE: Kind.PREPARE, Action.VERIFY: Kind.VERIFY}


class AgentFailed(BadGateway):
    """The agent failed: its owner can look into its log."""


class AgentResponseInvalid(BadGateway):
    """The agent answered with something that is no answer: its owner can look into its log."""


class AgentBusy(Unavailable):
    """The agent is busy with other messages: try again shortly."""


class OwnerBusy(Unavailable):
    """As many of your agents are at work as may be at a time: try again shortly."""


class PlatformFull(Unavailable):
    """The platform has no room for another agent at work: try again shortly."""


class AgentTimedOut(Unavailable):
    """The agent took too long to answer: try again shortly."""


class AgentUnavailable(Unavailable):
    """The agent can't be reached just now: try again shortly."""


MESSAGE_ERRORS: Final[tuple[type[ApiError], ...]] = (
    *(AgentFailed, AgentResponseInvalid, AgentBusy, OwnerBusy, PlatformFull, AgentTimedOut, AgentUnavailable),
)
"""What a message may be refused with."""

_NOT_TAKEN: Final = (AgentBusy, OwnerBusy, PlatformFull, AgentUnavailable)
"""What says nothing of the agent."""

_BY_CODE: Final = {each.code: each for each in MESSAGE_ERRORS}

STALE: Final = "stale"
NOT_SEALED: Final = "not_sealed"


class StaleContext(Exception):
    """The host knows of later things that happened to the instance: read it again."""


@dataclass(frozen=True)
class Ended:
    """What came of ending instances."""

    outcome: Outcome
    stale: frozenset[str] = frozenset()
    """Those that were left alone, because the host knows of later things that happened to them."""


class StartFailed(Exception):
    """The agent didn't even start."""

    def __init__(self, error: ApiError) -> None:
        """`error` is what whoever wrote to it is told."""
        super().__init__(error)
        self.error = error


def say(context: Context) -> str:
    """Return the text of the agent's answer to the context's message, with the question if it ends with one.

    Raises one of MESSAGE_ERRORS; StartFailed, with one of them, when the agent didn't start.
    """
    pieces: list[str] = []
    for kind, told in _lines(Kind.CALL, context):
        if kind == "event" and told["type"] in {"text", "input"}:
            pieces.append(told["text"])
        elif kind == "done":
            return "".join(pieces)
        elif kind == "failed":
            fail(told)
    raise AgentUnavailable


def call(context: Context) -> Generator[Line]:
    """Yield what a host answers to the context's message, as it comes: `working`, `event`, and last `done` or `failed`.

    An answer that ends without one of the last two was cut off. Whoever stops reading has the call cancelled.

    Raises one of MESSAGE_ERRORS, or StaleContext, when no host has taken it.
    """
    return _lines(Kind.CALL, context)


def fail(told: Facts) -> NoReturn:
    """Raise what a host tells of a failure: one of MESSAGE_ERRORS, or StartFailed with one of them."""
    error = _BY_CODE.get(told["code"], AgentUnavailable)(told.get("detail"))
    if told.get("started") is False:
        raise StartFailed(error)
    raise error


def do(action: Action, context: Context, keep: Callable[[], None]) -> Outcome:
    """Have a host act on an instance, and return what came of it.

    `keep` is called several times a second meanwhile; what it raises ends the call. Raises StaleContext.
    """
    try:
        for kind, told in _lines(_KINDS[action], context):
            if kind == "working":
                keep()
            elif kind == "done":
                return Outcome(Result.DONE)
            elif kind == "failed":
                return Outcome(Result(told["result"]), told["cause"])
    except _NOT_TAKEN as error:
        log.warning("no agent host took it: %s", error.__cause__ or error, extra={"subject": context.instance_id})
    return Outcome(Result.UNREACHABLE)


def end(row_versions: Mapping[str, int], seconds: float, keep: Callable[[], None]) -> Ended:
    """Have a host end whatever is awake of instances, of which these versions of their rows were read.

    `keep` is called several times a second meanwhile; what it raises ends the call.
    """
    try:
        for kind, told in _lines(Kind.END, Ends(row_versions=dict(row_versions), seconds=seconds)):
            if kind == "working":
                keep()
            elif kind == "done":
                return Ended(Outcome(Result.DONE), frozenset(told["stale"]))
    except _NOT_TAKEN as error:
        log.warning("no agent host ends %d instances: %s", len(row_versions), error.__cause__ or error)
    return Ended(Outcome(Result.UNREACHABLE))


def awake(instance_id: str) -> int | None:
    """Return how many agents of an instance are awake on the host that answers, which may be one of many.

    None if that takes longer than STATUS seconds, or there is none.
    """
    try:
        for kind, told in _lines(Kind.STATUS, OfInstance(instance_id=instance_id, seconds=STATUS), margin=0):
            if kind == "done":
                return int(told["awake"])
    except _NOT_TAKEN as error:
        log.info("no agent host tells who is awake: %s", error.__cause__ or error, extra={"subject": instance_id})
    return None


def _lines(kind: Kind, told: Told, margin: float = MARGIN) -> Generator[Line]:
    """Yield what a host answers. Raises AgentUnavailable and its kind, and StaleContext."""
    try:
        address, known = setting(SETTING), keys()
    except (MissingSettingError, NotKeysError) as error:
        raise AgentUnavailable from error
    for key in known:
        sealed = seal(kind, told, key)
        try:
            with _exchange(f"{address}/{kind}/{told.subject}", told.seconds + margin, sealed) as response:
                if response.status == HTTPStatus.OK:
                    yield from _read(response)
                    return
                code = _code(response)
        except OSError as error:
            raise AgentUnavailable from DependencyDownError("agent_host", error)
        if code == STALE:
            raise StaleContext(told.subject)
        if code != NOT_SEALED:
            raise _BY_CODE.get(code, AgentUnavailable)
    raise AgentUnavailable from DependencyDownError("agent_host", PermissionError("none of the keys is known to it"))


def _exchange(url: str, seconds: float, sealed: bytes) -> "AbstractContextManager[urllib3.BaseHTTPResponse]":
    from core import http_client

    return http_client.exchange(
        "POST",
        url.rstrip("/"),
        seconds=seconds,
        body=sealed,
        headers={
            "Content-Type": "application/octet-stream",
            "Accept": ACCEPT,
            "traceparent": call_context.current().traceparent,
        },
    )


def _read(response: "urllib3.BaseHTTPResponse") -> Iterator[Line]:
    """Yield what comes, line by line, until it ends or something comes that is no line of a host's."""
    rest = b""
    # A response's own `readline` asks for one byte after the other.
    while piece := response.read1(_PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            try:
                [(kind, told)] = json.loads(line).items()
            except (ValueError, AttributeError):
                return
            yield kind, told
        if len(rest) > LINE_BYTES:
            return


def _code(response: "urllib3.BaseHTTPResponse") -> str:
    try:
        return str(json.loads(response.read(1024))["code"])
    except (ValueError, KeyError, TypeError):
        return ""
