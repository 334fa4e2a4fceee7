"""What agents that know A2A say in its own words: `data` events with the names below. All other data is an artifact.

- `a2a.artifact`: an `Artifact`, whole or with `append` and `lastChunk` a piece of one.
- `a2a.status`: `{"state", "parts"}`, how the task ends if the agent doesn't fail, such as `TASK_STATE_REJECTED`.
- `a2a.message`: `{"parts"}`, a message by which it answers in the place of a task.

What isn't of that form is data like any other.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

Json = dict[str, JsonValue]

_ENDS: Final = ("TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_REJECTED")
_KINDS: Final = frozenset({"text", "raw", "url", "data"})
_PART: Final = _KINDS | {"mediaType", "filename", "metadata"}
_ARTIFACT: Final = frozenset({"name", "description", "metadata", "extensions"})


@dataclass(frozen=True)
class Artifact:
    """A thing that the agent has made, or a piece of one."""

    sequence: int
    """The number of its event."""
    parts: list[JsonValue]
    own_id: str | None
    """The agent's own."""
    more: Json
    append: bool = False
    last: bool = False

    def shown(self, task_id: str) -> Json:
        """Return it in the form of A2A's `Artifact`."""
        artifact_id = f"{task_id}:{self.sequence}" if self.own_id is None else f"{task_id}:{self.own_id}"
        return {"artifactId": artifact_id, "parts": [*self.parts], **self.more}


@dataclass(frozen=True)
class FinalStatus:
    """How the task ends, and what the agent says to that."""

    state: str
    parts: list[JsonValue]


@dataclass(frozen=True)
class Reply:
    """A message by which the agent answers."""

    sequence: int
    parts: list[JsonValue]


def read(sequence: int, data: Json) -> Artifact | FinalStatus | Reply:
    """Return what a `data` event of this number says."""
    said, name = data.get("data"), data.get("name")
    told = said if isinstance(said, dict) else {}
    parts = _parts(told.get("parts"))
    if name == "a2a.artifact" and parts:
        own_id, append = told.get("artifactId"), told.get("append") is True
        more: Json = {key: value for key, value in told.items() if key in _ARTIFACT and value}
        return Artifact(
            sequence, parts, own_id if isinstance(own_id, str) else None, more, append, told.get("lastChunk") is True
        )
    if name == "a2a.status" and told.get("state") in _ENDS:
        return FinalStatus(str(told["state"]), parts)
    if name == "a2a.message" and parts:
        return Reply(sequence, parts)
    as_json: list[JsonValue] = [{"data": said, "mediaType": "application/json"}]
    named: Json = {"name": name} if isinstance(name, str) else {}
    return Artifact(sequence, as_json, None, named)


def _parts(value: JsonValue) -> list[JsonValue]:
    """Return what is a list of A2A's parts; nothing for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, dict) and _is_part(each) for each in value):
        return []
    return value


def _is_part(part: Json) -> bool:
    kinds = part.keys() & _KINDS
    return len(kinds) == 1 and part.keys() <= _PART and all(isinstance(part[each], str) for each in kinds - {"data"})
