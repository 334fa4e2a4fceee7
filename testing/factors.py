"""Second factors for tests: what an app shows, and people who have one."""

import time
from dataclasses import dataclass

import pyotp
from sqlalchemy import text

from functions.domain.accounts.totp import STEP_SECONDS
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response


@dataclass(frozen=True)
class App:
    """An app that makes one-time passwords for an account."""

    somebody: Person
    secret: str
    recovery_codes: tuple[str, ...]

    def code(self, ahead: int = 0) -> str:
        """Return the code of this moment, or of so many steps later."""
        return pyotp.TOTP(self.secret).at(time.time() + ahead * STEP_SECONDS)


def enrol(api: Api, somebody: Person) -> App:
    """Have somebody add an app. The step of this moment is used up by it."""
    begun = api.user.post("/v1/me/mfa/totp", token=somebody.token)
    assert begun.status_code == 200, begun.text
    app = App(somebody, begun.json["secret"], ())
    confirmed = api.user.post("/v1/me/mfa/totp/confirm", json={"code": app.code()}, token=somebody.token)
    assert confirmed.status_code == 200, confirmed.text
    return App(somebody, app.secret, tuple(confirmed.json["recovery_codes"]))


def challenge(api: Api, somebody: Person) -> str:
    """Have somebody log in with their password, and return the challenge that they are given."""
    asked = api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
    assert asked.status_code == 202, asked.text
    return str(asked.json["challenge"])


def verify(api: Api, challenge: str, **proof: str) -> Response:
    """Meet a challenge with a `code` or a `recovery_code`."""
    return api.user.post("/v1/auth/mfa/verify", json={"challenge": challenge, **proof})


def forget_steps(env: Environment, somebody: Person) -> None:
    """Let every code of somebody's app be good again, as after a while."""
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update totp_factors set last_step = 0 where account_id = :id"), {"id": somebody.id})
