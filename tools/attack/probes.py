"""Requests that nobody should get anywhere with, made from what the functions declare."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from core.configuration import secret
from events import signing, wire
from events.catalog.load import load
from events.contracts import contracts
from events.event import Event
from functions.runtime.declarations import Declaration
from functions.runtime.providers.callers import Guard
from functions.runtime.providers.if_match import Precondition
from functions.runtime.providers.path import PathValue
from functions.runtime.routes import MethodNotAllowed, RouteNotFound, match, ordered
from tools.attack.spellings import spellings
from tools.manifests.openapi import operation
from tools.manifests.schemas import Schemas

DETOUR: Final = "/v1/auth/logout"
"""An address that nothing holds back, by which detours lead."""

NO_ADDRESS: Final = frozenset({400, 404, 405, 414})
UNAUTHENTICATED: Final = frozenset({401})
FORBIDDEN: Final = frozenset({403})
NOT_THERE: Final = frozenset({404})
REFUSED: Final = frozenset({400, 401, 403, 404, 405, 409, 413, 415, 422})

_SOURCES: Final = (
    *("/botberi/shared_psql", "/botberi/user_psql", "//botberi/shared_psql", "/Botberi/shared_psql"),
    *("/./botberi/shared_psql", "/x/../botberi/shared_psql", "/%62otberi/shared_psql", "/accounts/usr_somebody_else"),
)
"""Spellings of sources that aren't the caller's."""


@dataclass(frozen=True)
class Probe:
    """A request, and the statuses that say that it got nowhere."""

    group: str
    who: str
    method: str
    target: str
    stopped_by: frozenset[int]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


def filled(declaration: Declaration, **values: str) -> str:
    """Return an endpoint's path with `values` in it, and examples where none is given; a subscriber's by its name."""
    if declaration.api == "subscribers":
        return f"/function/{declaration.deployment}"
    schemas = Schemas([declaration])
    examples = {
        each.name: schemas.example(each.schema()) for each in declaration.all_parameters if isinstance(each, PathValue)
    }
    return declaration.path.format_map(examples | values)


def leads_to(endpoints: Iterable[Declaration], method: str, target: str) -> Declaration | None:
    """Return whose address a request target is when its path is compared as it stands, without any decoding."""
    try:
        return match(ordered(endpoints), method, target.partition("?")[0])[0]
    except (RouteNotFound, MethodNotAllowed):
        return None


def misspelt(declarations: Sequence[Declaration]) -> Iterator[Probe]:
    """Yield other spellings of every function's address."""
    endpoints = [each for each in declarations if each.api != "subscribers"]
    for each in declarations:
        method = each.method or "POST"
        headers, body = _request(each)
        for target in spellings(filled(each), by=DETOUR):
            # Another value in the path of the same function is that, whatever it looks like.
            if leads_to(endpoints, method, target) is None:
                yield Probe("other spellings of an address", each.name, method, target, NO_ADDRESS, headers, body)


def uninvited(declarations: Sequence[Declaration], tokens: Mapping[str, str]) -> Iterator[Probe]:
    """Yield a request to every guarded endpoint with each of some tokens that are good for nothing, by their names."""
    for each in _guarded(declarations):
        headers, body = _request(each)
        yield Probe("no token", each.name, each.method, filled(each), UNAUTHENTICATED, headers, body)
        for name, token in tokens.items():
            sent = headers | {"Authorization": f"Bearer {token}"}
            yield Probe(f"{name} token", each.name, each.method, filled(each), UNAUTHENTICATED, sent, body)


def unentitled(declarations: Sequence[Declaration], tokens: Mapping[str, str]) -> Iterator[Probe]:
    """Yield a request to every guarded endpoint with each token of a scope, the key, that isn't its own."""
    for each in _guarded(declarations):
        headers, body = _request(each)
        for scope, token in tokens.items():
            if scope not in _scopes(each):
                sent = headers | {"Authorization": f"Bearer {token}"}
                yield Probe(f"scope {scope} alone", each.name, each.method, filled(each), FORBIDDEN, sent, body)


def of_somebody_else(declarations: Sequence[Declaration], token: str, **values: str) -> Iterator[Probe]:
    """Yield a user's request to every endpoint of things that have an owner, who is somebody else: by `values`."""
    for each in _guarded(declarations):
        if "user" in _scopes(each) and any(f"{{{name}}}" in each.path for name in values):
            headers, body = _request(each)
            sent = headers | {"Authorization": f"Bearer {token}"}
            yield Probe("somebody else's", each.name, each.method, filled(each, **values), NOT_THERE, sent, body)


def forged(tokens: Mapping[str, str]) -> Iterator[Probe]:
    """Yield events that no caller may publish: what Botberi alone says, and under sources that aren't the caller's."""
    catalog = load()
    ours = [model for model in catalog.values() if model.scope is None]
    open_to_all = next(model for model in catalog.values() if model.scope == "broker")
    for who, token in {"nobody": "", **tokens}.items():
        for model in ours:
            yield from _published(who, token, model, "/example/crm")
        for source in _SOURCES:
            yield from _published(who, token, open_to_all, source)


def delivered(declarations: Sequence[Declaration], form: str) -> Iterator[Probe]:
    """Yield forged events to every subscriber; `form` is the path of one, with `{name}` in it."""
    for each in declarations:
        if each.signing_keys:
            headers, body = _request(each)
            target = form.format(name=each.deployment)
            for name, more in _signed_badly(each, body or b"").items():
                yield Probe(f"delivery, {name}", each.name, "POST", target, UNAUTHENTICATED, headers | more, body)


def _signed_badly(declaration: Declaration, body: bytes) -> dict[str, dict[str, str]]:
    """Return headers of deliveries that whoever calls the subscriber didn't sign like this, by what is wrong."""
    keys = signing.read_keys(secret(declaration.signing_keys), declaration.signing_keys)
    message = signing.message_id(declaration.deployment, "/botberi/shared_psql", uuid4().hex)
    stale = int(time.time()) - signing.TOLERANCE - 60
    signature = signing.signatures(keys, message, stale, body)
    return {
        "unsigned": {},
        "token instead": {"Authorization": "Bearer x"},
        "signed by nobody": signing.headers((b"x" * signing.KEY_BYTES,), message, body),
        "signed too long ago": dict(zip(signing.HEADERS, (message, str(stale), signature), strict=True)),
        "signed for another body": signing.headers(keys, message, body + b" "),
        "signed for another function": signing.headers(keys, f"another:{message}", body),
    }


def _published(who: str, token: str, model: type[Event], source: str) -> Iterator[Probe]:
    event = contracts.example(model) | {"id": uuid4().hex, "source": source}
    attributes = {name: event[name] for name in ("specversion", "id", "source", "type")}
    plain = {"id": event["id"], "source": source, "type": event["type"], "data": event["data"]}
    structured = {**attributes, "data": event["data"]}
    sent: tuple[tuple[str, str, object, dict[str, str]], ...] = (
        ("/v1/events", "application/json", plain, {}),
        ("/v1/events", wire.CONTENT_TYPE, structured, {}),
        ("/v1/events", "application/json", event["data"], {f"ce-{name}": text for name, text in attributes.items()}),
        ("/v1/events/batch", wire.BATCH_CONTENT_TYPE, [structured], {}),
    )
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    for path, content_type, body, more in sent:
        headers = {"Content-Type": content_type, **more, **authorization}
        label = f"{model.type} from {source}"
        yield Probe(f"forged event, {who}", label, "POST", path, REFUSED, headers, json.dumps(body).encode())


def _guarded(declarations: Iterable[Declaration]) -> Iterator[Declaration]:
    return (each for each in declarations if each.parameter(Guard) is not None)


def _scopes(declaration: Declaration) -> tuple[str, ...]:
    """Return the scopes each of which opens an endpoint."""
    guard = declaration.parameter(Guard)
    return () if guard is None else (guard.caller.scope, *guard.caller.wider)


def _request(declaration: Declaration) -> tuple[dict[str, str], bytes | None]:
    """Return headers and body of a request that is as it should be, from the examples in the declaration."""
    if declaration.api == "subscribers":
        catalog = load()
        # Who takes whatever there is, or what is in no catalog, is sent any event.
        models = [catalog[each] for each in declaration.event_types if each in catalog] or [*catalog.values()]
        event = contracts.example(models[0]) | {"id": uuid4().hex, "actor": "usr_forged"}
        return {"Content-Type": wire.CONTENT_TYPE}, json.dumps(event).encode()
    content = operation(declaration, Schemas([declaration])).get("requestBody", {}).get("content", {})
    headers = {"If-Match": '"1"'} if declaration.parameter(Precondition) else {}
    for media_type, each in content.items():
        return headers | {"Content-Type": media_type}, json.dumps(each["example"]).encode()
    return headers, None
