"""The sessions of whoever has logged in on this machine: one for each address of an API, in a file for its owner alone.

The file is `botberi/sessions.json` in the folder of the user's configuration, which `XDG_CONFIG_HOME` names.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time as now
from typing import Final

import click
from pydantic import BaseModel, RootModel, ValidationError

from cli.api_client import ApiClient, RefusedError

_MARGIN: Final = 30
"""Seconds before its end from which on an access token is replaced."""


class Pair(BaseModel):
    """The tokens of a session, as the API gives them."""

    access_token: str
    refresh_token: str
    expires_in: int


class _Session(BaseModel):
    access_token: str
    refresh_token: str
    expires_at: float


class _Sessions(RootModel[dict[str, _Session]]):
    """By the address of the API."""


class NotLoggedInError(click.ClickException):
    """Nobody is logged in there, or their session has ended."""

    def __init__(self, api: str) -> None:
        """Say where, and what to do."""
        super().__init__(f"You aren't logged in at {api}: run `botberi login --api {api}`.")


def keep(api: str, pair: Pair) -> None:
    """Keep the tokens of the session at an address, in the place of the one before."""
    sessions = _read().root
    # Pairs tell how long, and not until when.
    until = now() + pair.expires_in
    kept = _Session(access_token=pair.access_token, refresh_token=pair.refresh_token, expires_at=until)
    _write(_Sessions({**sessions, api: kept}))


def forget(api: str) -> None:
    """Keep nothing of the session at an address."""
    _write(_Sessions({each: kept for each, kept in _read().root.items() if each != api}))


def is_kept(api: str) -> bool:
    """Return whether there is a session at an address, which may have ended there."""
    return api in _read().root


def access_token(api: str) -> str:
    """Return an access token that is good for half a minute at least. Raises NotLoggedInError.

    Two commands may ask at once: the API answers both with the same.
    """
    kept = _read().root.get(api)
    if kept is None:
        raise NotLoggedInError(api)
    if kept.expires_at - now() > _MARGIN:
        return kept.access_token
    with _ended(api):
        answer = ApiClient(api).call("POST", "/v1/auth/refresh", {"refresh_token": kept.refresh_token})
    pair = Pair.model_validate_json(answer)
    keep(api, pair)
    return pair.access_token


def call(api: str, method: str, path: str) -> bytes:
    """Return what the API answers to whoever is logged in. Raises RefusedError and NotLoggedInError."""
    token = access_token(api)
    with _ended(api):
        return ApiClient(api, token).call(method, path)


@contextmanager
def _ended(api: str) -> Iterator[None]:
    """Forget a session that turns out to have ended, and raise NotLoggedInError."""
    try:
        yield
    except RefusedError as refused:
        if not refused.is_about_who_asks:
            raise
        forget(api)
        raise NotLoggedInError(api) from None


def file() -> Path:
    """Return where sessions are kept."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "botberi" / "sessions.json"


def _read() -> _Sessions:
    try:
        return _Sessions.model_validate_json(file().read_bytes())
    except FileNotFoundError:
        return _Sessions({})
    except ValidationError:
        raise click.ClickException(f"{file()} isn't as this command writes it: delete it, and log in again.") from None


def _write(sessions: _Sessions) -> None:
    """Replace the file as a whole, for its owner alone from its first byte on."""
    folder = file().parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as draft:
        draft.write(sessions.model_dump_json())
    Path(draft.name).replace(file())
