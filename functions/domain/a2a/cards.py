"""Cards: what an instance is to clients of A2A, made from what the catalog says of its agent and version.

A card has no empty value, since clients disagree about whether those are signed. Nothing of an instance's config or
labels is in it: those are its owner's.
"""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.a2a.modes import MODES
from functions.domain.databases import SharedDb
from functions.domain.instances.reading import InstanceNotFound
from shared_psql_models.agents import agent_versions, agents
from shared_psql_models.instances import instances
from shared_psql_models.statuses import Status

Json = dict[str, JsonValue]

VERSION: Final = "1.0"
"""Of A2A."""

RESUMING: Final = "urn:botberi:a2a:resume:v1"
"""The extension by which a client goes on with a stream that was cut."""

_RESUMING_ABOUT: Final = (
    "Streams go on where they were cut: each event has its number in metadata and as its id, and Last-Event-ID asks for"
    " those after it."
)

_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def path(instance_id: str) -> str:
    """Return the path of an instance for A2A, below that of the API."""
    return f"/v1/instances/{instance_id}/a2a"


def of_instance(db: SharedDb, instance_id: str, owner_id: str | None, api: str) -> Json:
    """Return the card of an instance that is the owner's, or that is discoverable. `api` is the API's address.

    Raises InstanceNotFound.
    """
    named = {"agent": agents.c.name, "summary": agents.c.summary, "description": agents.c.description}
    columns = [column.label(name) for name, column in named.items()]
    versioned = (agent_versions.c.number, agent_versions.c.interface)
    query = (
        select(instances.c.name, instances.c.owner_id, instances.c.discoverable, agents.c.tags, *columns, *versioned)
        .join_from(instances, agents, instances.c.agent_id == agents.c.id)
        .join(agent_versions, instances.c.version_id == agent_versions.c.id)
        .where(instances.c.id == instance_id, instances.c.status != Status.DELETED)
    )
    row = db.execute(query).mappings().first()
    if row is None or not (row["discoverable"] or row["owner_id"] == owner_id):
        raise InstanceNotFound
    return _card({**row}, api + path(instance_id))


def _card(row: Mapping[str, JsonValue], address: str) -> Json:
    described = _line(row["description"]) or _line(row["summary"]) or _line(row["agent"])
    bindings = {"JSONRPC": "rpc", "HTTP+JSON": "rest"}
    interfaces: list[JsonValue] = [
        {"url": f"{address}/{place}", "protocolBinding": binding, "protocolVersion": VERSION}
        for binding, place in bindings.items()
    ]
    modes: list[JsonValue] = [*MODES]
    return {
        "name": _line(row["name"]) or _line(row["agent"]) or "Agent",
        "description": described or "An agent.",
        "version": str(row["number"]),
        "supportedInterfaces": interfaces,
        "capabilities": {
            "streaming": True,
            "pushNotifications": True,
            "extendedAgentCard": True,
            "extensions": [{"uri": RESUMING, "description": _RESUMING_ABOUT}],
        },
        "defaultInputModes": modes,
        "defaultOutputModes": modes,
        "skills": _skills(row, described or "Answers messages."),
        "securitySchemes": {"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}},
        "securityRequirements": [{"schemes": {"bearer": {"list": ["user"]}}}],
    }


def _skills(row: Mapping[str, JsonValue], described: str) -> list[JsonValue]:
    """Return what the version declares; one that declares nothing can be spoken to."""
    interface = row["interface"]
    declared = interface.get("skills") if isinstance(interface, dict) else None
    tags: list[JsonValue] = [*(row["tags"] if isinstance(row["tags"], list) else [])] or ["agent"]
    skills = [_skill(each, tags) for each in (declared if isinstance(declared, list) else []) if isinstance(each, dict)]
    return [*skills] or [{"id": "say", "name": "Say", "description": described, "tags": tags}]


def _skill(declared: Json, tags: list[JsonValue]) -> Json:
    shown: Json = {
        "id": declared["id"],
        "name": _line(declared.get("name")) or declared["id"],
        "description": _line(declared.get("description")) or declared["id"],
        "tags": declared.get("tags") or tags,
    }
    examples = declared.get("examples")
    return shown | {"examples": examples} if examples else shown


def _line(value: JsonValue) -> str:
    return _UNFIT.sub(" ", str(value or "")).strip()
