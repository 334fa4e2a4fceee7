"""deploy/openapi/*.json: an OpenAPI 3.1 document for each API, with every answer of every endpoint."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from functions.domain.api_errors import ApiError
from functions.runtime import event_stream, problems
from functions.runtime.declarations import Declaration
from functions.runtime.endpoint import takes_idempotency_key
from functions.runtime.protocols import Protocol
from functions.runtime.providers.base import header
from functions.runtime.providers.idempotency_key import key_header
from functions.schemas.base import Reply
from tools.manifests.responses import documented_errors, errors_by_status, has_etag
from tools.manifests.schemas import Schema, Schemas, reply_of

ABOUT: Final = {
    "user": ("Botberi", "Sign up, browse the catalog of agents, launch instances of them and talk to them."),
    "admin": ("Botberi for administrators", "Curate the catalog, look after instances, and read what happened."),
    "broker": ("Botberi's event broker", "Publish events, and look up which types there are."),
}

TAGS: Final = {
    "accounts": "What accounts may have.",
    "agents": "What can be launched: the catalog's agents and their versions.",
    "audit": "What happened, and who did it.",
    "auth": "Accounts, sessions and the keys that tokens are signed with.",
    "oauth": "Clients of OAuth, which act for people who have consented.",
    "conversations": "What is said to instances, and what they answer.",
    "dead-letters": "Events that didn't get through.",
    "event-path": "How events move at this moment.",
    "event-types": "What can happen.",
    "events": "What happens, produced by programs outside.",
    "instances": "Agents that run for somebody.",
    "jobs": "What workers have to do.",
    "bundle-uploads": "Where bundles are put before they are published.",
    "approvals": "What waits for a second administrator.",
    "kill-switches": "What is not to run.",
    "mcp": "All of it, by the Model Context Protocol.",
    "me": "Whose token it is.",
    "overview": "How the platform is.",
    "runs": "What becomes of each message to an instance.",
    "why": "Why something is as it is, and what can be done.",
}
"""What the endpoints under a heading are about."""

SIGNING_IN: Final = (
    " `POST /v1/auth/login` of the user API gives an access token of ten minutes: send `Authorization: Bearer …`. "
    "A program shows an API key in its place. "
    "Every error is a problem (RFC 9457) with a stable `code`; lists are paged by `limit` and `cursor`."
)

PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "A problem (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "`urn:botberi:problem:` and the code."},
        "title": {"type": "string", "description": "The HTTP status in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "description": "Stable: what a program decides by."},
        "detail": {"type": "string", "description": "A sentence for people."},
        "trace_id": {"type": "string", "description": "Quote it when you report the problem."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
}

FIELD_ERROR: Final[Schema] = {
    "type": "object",
    "description": "What is wrong with one field.",
    "required": ["pointer", "code", "message"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON Pointer into the body, or `?name` for a query parameter."},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}

RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}

HEADERS: Final[dict[int, Schema]] = {
    401: {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}


def document(api: str, declarations: Sequence[Declaration]) -> str:
    """Return the OpenAPI document of an API as JSON text."""
    endpoints = [each for each in declarations if each.api == api]
    schemas = Schemas(endpoints)
    paths: dict[str, Schema] = {}
    for endpoint in sorted(endpoints, key=lambda each: (each.path, each.method)):
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint, schemas)
    title, description = ABOUT[api]
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "1",
            "description": description + SIGNING_IN,
            "contact": {"name": "Whoever runs this Botberi"},
        },
        "servers": [{"url": "/", "description": "The address that this document came from: one for all APIs."}],
        "tags": [{"name": name, "description": TAGS[name]} for name in sorted({tag_of(each) for each in endpoints})],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": BEARER},
            "schemas": dict(sorted((schemas.shown | {"Problem": PROBLEM, "FieldError": FIELD_ERROR}).items())),
            "examples": _examples(endpoints),
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token, which is a JWT, or an API key, `bbk_…`, with the scope; where events are "
    "published, a publisher's key too.",
}


def tag_of(declaration: Declaration) -> str:
    """Return the heading under which an endpoint stands: `agents` for `/v1/admin/agents/{slug}`."""
    parts = [part for part in declaration.path.split("/") if part not in ("", "v1", "admin")]
    return "auth" if parts[0].startswith(".") else parts[0]


def operation(declaration: Declaration, schemas: Schemas) -> Schema:
    """Return one endpoint as an OpenAPI operation: what its parameters say of it, beside what all operations have."""
    said = [parameter.openapi(declaration.method, schemas) for parameter in declaration.all_parameters]
    described: Schema = {
        "operationId": declaration.name,
        "tags": [tag_of(declaration)],
        "summary": declaration.summary.rstrip(".").replace("`", ""),
        "description": (declaration.handler.__doc__ or "").strip(),
        "security": [],
        "parameters": [],
        "responses": _merged(_success(declaration, schemas), _problems(declaration)),
    }
    for part in said:
        for keyword, value in part.items():
            described[keyword] = described[keyword] + value if keyword in described else value
    described["parameters"].sort(key=lambda each: PLACES.index(each["in"]))
    described["parameters"] += _headers(declaration)
    return described


PLACES: Final = ("path", "query", "header")
"""Where parameters are, in the order in which they are shown."""


def _headers(declaration: Declaration) -> list[Schema]:
    """Return the headers that follow from more than one parameter."""
    found = []
    if has_etag(declaration) and declaration.method == "GET":
        found.append(header("If-Match", "The ETag that it has to have: 412 if it has another."))
        found.append(header("If-None-Match", "The ETag of what you have: 304 if it still holds."))
    if takes_idempotency_key(declaration):
        found.append(key_header())
    return found


def _success(declaration: Declaration, schemas: Schemas) -> dict[str, Schema]:
    reply = reply_of(declaration)
    answer: Schema = {"description": HTTPStatus(declaration.status).phrase}
    content: Schema = {each.media_type: {"schema": each.schema} for each in declaration.answers if each.media_type}
    if reply is not None:
        content["application/json"] = {"schema": schemas.reference(reply, "serialization")}
    if declaration.streams:
        content[event_stream.CONTENT_TYPE] = {"schema": {"type": "string"}}
    if content:
        answer["content"] = content
    if reply is not None and issubclass(reply, Reply):
        answer |= _told(reply)
    answers = {str(declaration.status): answer}
    for own in declaration.answers:
        shape = {"content": {own.media_type: {"schema": own.schema}}} if own.media_type else {}
        answers |= {str(each): {"description": HTTPStatus(each).phrase, **shape} for each in own.statuses}
    for other in declaration.other_replies:
        content = {"application/json": {"schema": schemas.reference(other, "serialization")}}
        status = HTTPStatus(other.http_status or declaration.status)
        known = answers.get(str(status.value), {}).get("content", {}).get("application/json")
        if known is not None:
            content["application/json"] = {
                "schema": {"anyOf": [known["schema"], content["application/json"]["schema"]]}
            }
        answers[str(status.value)] = {"description": status.phrase, "content": content, **_told(other)}
    if reply is not None and has_etag(declaration):
        etag = {"description": "The state of the resource.", "schema": {"type": "string"}}
        answer["headers"] = {"ETag": etag, **answer.get("headers", {})}
        if declaration.method == "GET":
            answers["304"] = {"description": "What you have still holds"}
    return answers


def _told(reply: type[Reply]) -> Schema:
    """Return the headers of a reply, as a part of the response that has it."""
    described = reply.described_headers.items()
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in described}
    return {"headers": headers} if headers else {}


def _problems(declaration: Declaration) -> dict[str, Schema]:
    found = {str(status): _problem(status, codes) for status, codes in documented_errors(declaration).items()}
    return found if declaration.protocol is None else _merged(found, _errors(declaration, declaration.protocol))


def _errors(declaration: Declaration, protocol: Protocol) -> dict[str, Schema]:
    """Return the errors of an endpoint that has another shape for them than that of problems."""
    content = {protocol.media_type: {"schema": protocol.schema}}
    return {
        str(status): {"description": _codes(codes), "content": content}
        for status, codes in errors_by_status(declaration).items()
    }


def _merged(answers: dict[str, Schema], more: dict[str, Schema]) -> dict[str, Schema]:
    """Return answers by status; where there are two for one, with what both may contain."""
    merged = dict(answers)
    for status, answer in more.items():
        known = merged.setdefault(status, answer)
        merged[status] = known | {"content": {**answer["content"], **known.get("content", {})}}
    return merged


def _codes(codes: dict[str, type[ApiError]]) -> str:
    return "\n".join(f"- `{code}`: {api_error.message()}" for code, api_error in codes.items())


def _problem(status: int, codes: dict[str, type[ApiError]]) -> Schema:
    # Not `const`, which generators of clients can't unite with the type that the general problem has.
    properties = {"status": {"type": "integer", "enum": [status]}, "code": {"type": "string", "enum": list(codes)}}
    narrowed = {"type": "object", "properties": properties}
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}
    answer: Schema = {
        "description": _codes(codes),
        "content": {problems.CONTENT_TYPE: {"schema": schema, "examples": examples}},
    }
    if status in HEADERS:
        answer["headers"] = HEADERS[status]
    return answer


def _examples(endpoints: Sequence[Declaration]) -> dict[str, Schema]:
    return {
        code: {"summary": api_error.message(), "value": _example(status, api_error)}
        for endpoint in endpoints
        for status, codes in documented_errors(endpoint).items()
        for code, api_error in codes.items()
    }


def _example(status: int, api_error: type[ApiError]) -> Schema:
    body = problems.problem(status, api_error.code, api_error.message())
    return body | {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
