"""The API as commands ask it: over HTTP, as a browser does. What it refuses ends a command with why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import click
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from core import http_client
from core.logs import said

API: Final = "http://localhost:8080"
"""Where `make run` has it."""

SECONDS: Final = 60
"""How long an answer may take: the first one of a while wakes a function."""


class _Wrong(BaseModel):
    pointer: str
    message: str


class _Problem(BaseModel):
    code: str
    detail: str
    errors: list[_Wrong] = []


class _OAuthError(BaseModel):
    """How an endpoint of OAuth says that it refuses (RFC 6749)."""

    error: str
    error_description: str


_REMEDIES: Final = {
    "route_not_found": "Name by --api what stands before /v1 in the addresses of the API.",
    "unauthenticated": "A token is good for ten minutes: get another, or leave --token away and log in.",
    "forbidden": "Publishing is for accounts with the scope catalog or admin.",
    "version_exists": "Its number is `version` in agent.json.",
}
"""What to do about API errors whose own words are for programs that call the API."""


class RefusedError(click.ClickException):
    """The API has refused; the message says why, and what to do about it."""

    def __init__(self, problem: _Problem, status: int) -> None:
        """Say what a problem says, and know the status that it came with."""
        wrong = [f"{each.pointer}: {each.message}" for each in problem.errors]
        remedies = [_REMEDIES[problem.code]] if problem.code in _REMEDIES else []
        super().__init__("\n  ".join([problem.detail, *wrong, *remedies]))
        self.code = problem.code
        self.is_about_who_asks = status == HTTPStatus.UNAUTHORIZED
        """Whether it is the token that isn't good, or isn't good any more."""


@dataclass
class ApiClient:
    """Asks the API at one address."""

    api: str
    token: str = ""
    agent: str = ""
    """What is sent as User-Agent."""

    def call(self, method: str, path: str, body: Mapping[str, JsonValue] | None = None) -> bytes:
        """Return the answer. Raises RefusedError, and ClickException if there is none."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.agent:
            headers["User-Agent"] = self.agent
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        sent = None if body is None else json.dumps(body).encode()
        try:
            answer = http_client.request(method, self.api + path, seconds=SECONDS, body=sent, headers=headers)
        except (OSError, ValueError) as error:
            raise click.ClickException(
                f"The API can't be reached at {self.api}: {said(error)}. Name another by --api http://…, or start it."
            ) from None
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer.body
        raise RefusedError(self._problem(answer.status, answer.body), answer.status)

    def _problem(self, status: int, body: bytes) -> _Problem:
        try:
            told = TypeAdapter(_Problem | _OAuthError).validate_json(body)
            if isinstance(told, _Problem):
                return told
            return _Problem(code=told.error, detail=told.error_description)
        except ValidationError:
            raise click.ClickException(
                f"{self.api} answered {status} as the API never does: does --api name something else?"
            ) from None
