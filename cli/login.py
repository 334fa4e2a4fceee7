"""`botberi login`, `logout`, `whoami` and `access-token`: a session of one's own, by a code that a browser approves.

It is the device flow of RFC 8628: no password is typed into a terminal, and whatever the account has to log in with
will do, a passkey or a provider too.
"""

import platform
from contextlib import suppress
from time import sleep as wait
from typing import Final

import click
from pydantic import BaseModel

from cli import kept_sessions
from cli.api_client import API, ApiClient, RefusedError
from cli.kept_sessions import NotLoggedInError, Pair

CLIENT: Final = "botberi"
"""What the program calls itself on the page."""

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"

_SLOWER: Final = 5
"""Seconds that are added when the API asks for it (RFC 8628, section 3.5)."""


class _Codes(BaseModel):
    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    interval: float


class _Me(BaseModel):
    id: str
    email: str


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    return value.rstrip("/")


at = click.option("--api", default=API, show_default=True, callback=_address, help="Where the API is.")


@click.command("login")
@at
@click.option(
    "--browser/--no-browser", default=True, show_default=True, help="Open the page in a browser, if possible."
)
def login(api: str, *, browser: bool) -> None:
    """Log in: approve a code on a page, in a browser on any machine, within ten minutes.

    The session is kept in your configuration's folder, in a file that only you can read, until you log out.
    """
    client = ApiClient(api, agent=f"botberi on {platform.node()}")
    codes = _Codes.model_validate_json(client.call("POST", "/v1/auth/device", {"client_id": CLIENT}))
    click.echo(f"Open {codes.verification_uri} and type this code, if it isn't there:\n\n  {codes.user_code}\n")
    click.echo(f"Or open {codes.verification_uri_complete}")
    if browser:
        click.launch(codes.verification_uri_complete)
    kept_sessions.keep(api, _approved(client, codes))
    click.echo(f"You are logged in as {_me(api).email}.")


def _approved(client: ApiClient, codes: _Codes) -> Pair:
    """Wait until the code is approved; return the tokens. Raises RefusedError if it is denied, or too old."""
    interval = codes.interval
    grant = {"grant_type": _GRANT, "device_code": codes.device_code, "client_id": CLIENT}
    while True:
        wait(interval)
        try:
            return Pair.model_validate_json(client.call("POST", "/v1/auth/device/token", grant))
        except RefusedError as refused:
            if refused.code == "slow_down":
                interval += _SLOWER
            elif refused.code != "authorization_pending":
                raise


@click.command("logout")
@at
def logout(api: str) -> None:
    """End the session that `botberi login` has begun, here and at the API."""
    if not kept_sessions.is_kept(api):
        click.echo("You weren't logged in.")
        return
    # What has ended there needs no end.
    with suppress(NotLoggedInError):
        kept_sessions.call(api, "POST", "/v1/auth/logout")
    kept_sessions.forget(api)
    click.echo("You are logged out.")


@click.command("whoami")
@at
def whoami(api: str) -> None:
    """Say as whom you are logged in."""
    me = _me(api)
    click.echo(f"{me.email} ({me.id}) at {api}")


@click.command("access-token")
@at
def access_token(api: str) -> None:
    """Print an access token of your session, for other programs: it is good for some minutes."""
    click.echo(kept_sessions.access_token(api))


def _me(api: str) -> _Me:
    return _Me.model_validate_json(kept_sessions.call(api, "GET", "/v1/me"))
