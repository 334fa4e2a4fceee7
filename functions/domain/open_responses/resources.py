"""A response of Open Responses as an object: what was asked for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from functions.domain.open_responses.names import Named
from shared_psql_models.runs import Run

Object = dict[str, JsonValue]

ASKED: Final = "responses"
"""The member of a run's message in which stands what a response repeats of its request."""

_ALWAYS: Final[Object] = {
    "object": "response",
    "incomplete_details": None,
    "truncation": "disabled",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "text"}},
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "top_logprobs": 0,
    "temperature": 1.0,
    "reasoning": {"effort": None, "summary": None},
    "max_output_tokens": None,
    "max_tool_calls": None,
    "store": True,
    "service_tier": "default",
    "user": None,
    "safety_identifier": None,
    "prompt_cache_key": None,
}
"""What an agent leaves as it is, whatever was asked for."""

_REPEATED: Final[Object] = {
    "model": "",
    "instructions": None,
    "tools": [],
    "tool_choice": "auto",
    "background": False,
    "metadata": {},
    "previous_response_id": None,
}


@dataclass(frozen=True)
class Facts:
    """What is known of a run's responses from the beginning."""

    repeated: Mapping[str, JsonValue]

    @property
    def background(self) -> bool:
        """Whether nobody waits for it."""
        return self.repeated.get("background") is True


def facts(run: Run) -> Facts:
    """Return what a run's responses repeat of the request; of one that was asked otherwise what always holds."""
    told = run.message.get(ASKED)
    return Facts(told if isinstance(told, dict) else {"model": run.instance_id})


def resource(known: Facts, named: Named, own: Object) -> Object:
    """Return a response with all the members that it has to have."""
    repeated: Object = {name: known.repeated.get(name, usual) for name, usual in _REPEATED.items()}
    if named.part:
        repeated["previous_response_id"] = Named(named.run_id, named.part - 1).id
    return {**_ALWAYS, **repeated, **own}
