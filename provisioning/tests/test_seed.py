"""What a new installation starts with, made by a Job or a service that may run again."""

import subprocess
import sys

from provisioning import secrets_folder
from provisioning.seed import ADMINISTRATOR
from testing.clients import Api
from testing.environment import Environment

PASSWORD = "what an operator chose"


def seeded() -> str:
    run = subprocess.run([sys.executable, "-m", "provisioning.seed"], capture_output=True, text=True, check=True)
    return run.stdout + run.stderr


def test_the_first_administrator_has_the_password_of_the_secret_and_is_made_once(env: Environment, api: Api) -> None:
    env.renew()
    secrets_folder.write(env.secrets / "administrator", PASSWORD)

    assert f"{ADMINISTRATOR} is new" in seeded()
    assert f"{ADMINISTRATOR} is there" in seeded()

    answer = api.user.post("/v1/auth/login", json={"email": ADMINISTRATOR, "password": PASSWORD})
    assert answer.status_code == 200
    assert [api.user.get(f"/v1/agents/{slug}").status_code for slug in ("echo", "faq")] == [200, 200]
