"""`botberi token`: log in as the first administrator, with what is kept of them beside each other in one folder.

That is the password, which the installation made, and the secret of their second factor, which is enrolled at the first
log-in, as it is for everybody. It is for one's own machine, and for trying an installation out: people have an app.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel

from cli import logging_in
from cli.api_client import API, ApiClient, RefusedError
from cli.logging_in import Tokens
from functions.domain.accounts import totp
from provisioning import secrets_folder
from provisioning.local_settings import ROOT
from provisioning.secrets import ADMINISTRATOR as PASSWORD
from provisioning.secrets import ADMINISTRATOR_FACTOR as SECRET
from provisioning.secrets import ADMINISTRATOR_SESSION as SESSION
from provisioning.seed import ADMINISTRATOR

KEPT: Final = (ROOT / ".local", ROOT / "environments" / "dev" / "secrets")
"""Where the files may be, unless a folder is given: of `make run`, and of `make compose` on the same ports."""


class _Enrolment(BaseModel):
    secret: str


@dataclass(frozen=True)
class FirstAdministrator:
    """The first administrator of an installation, of whom a folder keeps what they log in with."""

    folder: Path
    api: str

    def token(self) -> str:
        """Return an access token with two factors: of the session that was opened last, or of a new one.

        Raises ClickException.
        """
        tokens = self._refreshed() or self._logged_in()
        secrets_folder.write(self.folder / SESSION, tokens.refresh_token)
        return tokens.access_token

    def _refreshed(self) -> Tokens | None:
        """Return the next tokens of the session that was opened last; None if there is none that is still open."""
        kept = self.folder / SESSION
        if not kept.is_file():
            return None
        try:
            return self._refresh(kept.read_text(encoding="utf-8"))
        except RefusedError:
            return None

    def _refresh(self, refresh_token: str) -> Tokens:
        answer = ApiClient(self.api).call("POST", "/v1/auth/refresh", {"refresh_token": refresh_token})
        return Tokens.model_validate_json(answer)

    def _logged_in(self) -> Tokens:
        password = (self.folder / PASSWORD).read_text(encoding="utf-8").strip()
        tokens, proved = logging_in.with_password(ApiClient(self.api), ADMINISTRATOR, password, _Codes(self.folder))
        return tokens if proved else self._enrolled(tokens)

    def _enrolled(self, tokens: Tokens) -> Tokens:
        """Give the account its second factor, keep the secret, and return the tokens that count it."""
        client = ApiClient(self.api, tokens.access_token)
        secret = _Enrolment.model_validate_json(client.call("POST", "/v1/me/mfa/totp")).secret
        # Before it counts: what isn't kept could never be shown again.
        secrets_folder.write(self.folder / SECRET, secret)
        client.call("POST", "/v1/me/mfa/totp/confirm", {"code": totp.code(secret, at=time.time())})
        click.echo(f"{ADMINISTRATOR} has a second factor now, whose secret is kept in {self.folder / SECRET}", err=True)
        return self._refresh(tokens.refresh_token)


class _Codes:
    """Codes of the app: calling it returns the next that hasn't been shown yet."""

    def __init__(self, folder: Path) -> None:
        """Take the secret from its file in `folder`."""
        self._file = folder / SECRET
        self._shown = 0

    def __call__(self) -> str:
        if not self._file.is_file():
            return str(click.prompt(f"code of the app of {ADMINISTRATOR}", err=True))
        if self._shown:
            # A code is good once, whoever showed it.
            time.sleep(max(0.0, (self._shown + 1) * totp.STEP_SECONDS - time.time()))
        self._shown = int(time.time() // totp.STEP_SECONDS)
        return totp.code(self._file.read_text(encoding="utf-8").strip(), at=time.time())


def find(folders: Sequence[Path], api: str = API) -> FirstAdministrator:
    """Return the first administrator of what answers at `api`, of whose password it takes what a folder has.

    Raises ClickException.
    """
    kept = [FirstAdministrator(folder, api) for folder in folders if (folder / PASSWORD).is_file()]
    for each in kept[:-1]:
        try:
            each.token()
        except RefusedError:
            continue
        return each
    if not kept:
        places = ", ".join(str(folder) for folder in folders)
        raise click.ClickException(
            f"There is no file `{PASSWORD}` with a password in {places}: start `make run` in another terminal."
        )
    return kept[-1]


@click.command("token")
@click.option("--api", default=API, show_default=True, help="Where the API is.")
@click.option(
    "--secrets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with the file `administrator`; without it, that of `make run`, or of `make compose`.",
)
def token(api: str, secrets: Path | None) -> None:
    """Print an access token of the first administrator, good for ten minutes.

    The first time, their second factor is enrolled, and its secret kept beside the password.
    """
    click.echo(find([secrets] if secrets else KEPT, api.rstrip("/")).token())
