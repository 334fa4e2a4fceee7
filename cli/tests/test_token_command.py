"""`botberi token`, with which whoever tries an installation out logs in as its first administrator."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.__main__ import botberi
from functions.domain.accounts import totp
from provisioning import kubernetes_secrets, seed
from testing import serving
from testing.clients import Api
from testing.environment import Environment


@pytest.fixture
def address(env: Environment) -> Iterator[str]:
    """Serve every function at one address, as the edge does, where nobody has an account yet."""
    env.renew()
    with serving.every_function() as address:
        yield address


@pytest.fixture
def folder(address: str, tmp_path: Path) -> Path:
    assert seed.administrator(tmp_path / "administrator")
    return tmp_path


def run(address: str, folder: Path, *, typed: str = "", ends_with: int = 0) -> str:
    words = ["token", "--api", address, "--secrets", str(folder)]
    done = CliRunner().invoke(botberi, words, input=typed)
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return (done.output if ends_with else done.stdout).strip()


def session_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


def forget_steps(env: Environment) -> None:
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update totp_factors set last_step = 0"))


def test_the_first_time_it_adds_the_second_factor_and_later_it_goes_on(
    api: Api, env: Environment, address: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(address, folder)
    assert api.admin.get("/v1/admin/accounts", token=first).status_code == 200
    assert {file.name: oct(file.stat().st_mode)[-3:] for file in folder.iterdir()} == dict.fromkeys(
        ("administrator", "administrator-totp", "administrator-session"), "600"
    )
    again = run(address, folder)
    assert session_of(again) == session_of(first)

    # What is open no more is opened anew, with a code that nobody has shown yet.
    assert api.user.post("/v1/auth/logout", token=again).status_code == 204
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        forget_steps(env)

    monkeypatch.setattr(time, "sleep", wait)
    third = run(address, folder)
    assert session_of(third) != session_of(first)
    assert api.admin.get("/v1/admin/accounts", token=third).status_code == 200
    assert [0 <= each <= totp.STEP_SECONDS for each in waits] == [True] * len(waits)


def test_where_the_secret_is_somebody_elses_they_are_asked_for_a_code(
    env: Environment, address: str, folder: Path
) -> None:
    run(address, folder)
    secret = (folder / "administrator-totp").read_text()
    for name in ("administrator-totp", "administrator-session"):
        (folder / name).unlink()
    forget_steps(env)
    said = run(address, folder, typed=f"{totp.code(secret, at=time.time())}\n")
    assert said.count(".") == 2
    assert not (folder / "administrator-totp").exists()


def test_without_a_password_it_says_what_to_do(address: str, tmp_path: Path) -> None:
    assert "start `make run`" in run(address, tmp_path, ends_with=1)
    (tmp_path / "administrator").write_text("not the password")
    assert "belong together" in run(address, tmp_path, ends_with=1)


def test_what_people_log_in_with_is_no_secret_of_a_cluster(tmp_path: Path) -> None:
    for name in ("administrator-totp", "administrator-session"):
        (tmp_path / name).write_text("x")
    assert "administrator-" not in json.dumps(list(kubernetes_secrets.manifests(tmp_path)))
