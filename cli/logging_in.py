"""Logging in from a command: with a password, and with a code of the app that makes them if the account has one."""

from collections.abc import Callable

import click
from pydantic import BaseModel

from cli.api_client import ApiClient, RefusedError
from functions.domain.accounts.factors import SecondFactorWrong


class Tokens(BaseModel):
    """The tokens of a session."""

    access_token: str
    refresh_token: str


class Answered(BaseModel):
    """The answer to the right password: tokens, or the challenge of a second factor."""

    access_token: str = ""
    refresh_token: str = ""
    challenge: str = ""


def with_password(client: ApiClient, email: str, password: str, code: Callable[[], str]) -> tuple[Tokens, bool]:
    """Return the tokens of a new session, and whether it took a second factor.

    `code` is asked for a code of the app, and again if that was wrong. Raises RefusedError.
    """
    answer = client.call("POST", "/v1/auth/login", {"email": email, "password": password})
    answered = Answered.model_validate_json(answer)
    if not answered.challenge:
        return Tokens.model_validate_json(answer), False
    while True:
        try:
            proof = {"challenge": answered.challenge, "code": code()}
            return Tokens.model_validate_json(client.call("POST", "/v1/auth/mfa/verify", proof)), True
        except RefusedError as refused:
            if refused.code != SecondFactorWrong.code:
                raise
            click.echo(f"{refused.message} Wait for the next one.", err=True)


def in_person(client: ApiClient) -> str:
    """Ask whoever sits at the terminal to log in; return their access token. Raises RefusedError."""
    email = click.prompt("e-mail address", err=True)
    password = click.prompt("password", hide_input=True, err=True)
    tokens, _ = with_password(client, email, password, lambda: str(click.prompt("code of your app", err=True)))
    return tokens.access_token
