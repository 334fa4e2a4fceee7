"""`botberi agents publish`, as authors use it."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from cli.__main__ import botberi
from functions.domain.catalog.tests.making import MAIN, a_slug
from functions.runtime import hosting
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


@pytest.fixture(scope="module")
def address(env: Environment) -> Iterator[str]:
    """Serve every function at one address, as the edge does."""
    server = make_server("127.0.0.1", 0, hosting.create([], {}), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an agent's folder, named as its slug."""
    folder = tmp_path / a_slug()
    folder.mkdir()
    (folder / "main.py").write_text(MAIN)
    (folder / "config_schema.json").write_text('{"type": "object", "properties": {"greeting": {"type": "string"}}}')
    say(folder, version="1.0.0")
    return folder


def say(folder: Path, **about: str) -> None:
    (folder / "agent.json").write_text(json.dumps({"name": "Some", "summary": "Does something.", **about}))


def run(*words: str, typed: str = "", ends_with: int = 0) -> str:
    done = CliRunner().invoke(botberi, ["agents", "publish", *words], input=typed)
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.stdout if ends_with == 0 else done.output


def test_an_agent_is_added_published_and_published_again(
    address: str, api: Api, person: Callable[..., Person], folder: Path, tmp_path: Path
) -> None:
    token, slug = tmp_path / "token", folder.name
    token.write_text(person(scopes=("user", "admin")).token + "\n")
    words = (str(folder), "--api", address, "--token", str(token))
    first = run(*words).splitlines()
    assert first[0] == f"{slug} is in the catalog now"
    assert first[1].startswith(f"{slug} 1.0.0 is published: ver_")
    assert first[1].endswith("stable moved to it")
    assert "published before" in run(*words, ends_with=1)
    say(folder, version="1.1.0", changelog="Better.")
    assert "beta moved to it" in run(*words, "--channel", "beta")
    version = api.user.get(f"/v1/agents/{slug}/versions/1.1.0").json
    assert (version["changelog"], list(version["config_schema"]["properties"])) == ("Better.", ["greeting"])


def test_who_has_no_token_logs_in(address: str, person: Callable[..., Person], folder: Path) -> None:
    admin = person(scopes=("user", "admin"))
    said = run(str(folder), "--api", address, typed=f"{admin.email}\n{admin.password}\n")
    assert "1.0.0 is published" in said
    assert admin.password not in said


def test_what_is_wrong_is_told_before_anything_is_sent(folder: Path) -> None:
    (folder / "requirements.txt").write_text("httpx\n")
    assert "requirements.txt, line 1: httpx is not held" in run(str(folder), "--api", "http://never", ends_with=1)
    say(folder)
    assert "agent.json: version: Field required" in run(str(folder), "--api", "http://never", ends_with=1)
    (folder / "agent.json").unlink()
    assert "agent.json is missing" in run(str(folder), "--api", "http://never", ends_with=1)


def test_what_the_api_refuses_is_told_field_by_field(
    address: str, person: Callable[..., Person], folder: Path, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(person(scopes=("user", "admin")).token)
    say(folder, version="one")
    assert "/number: " in run(str(folder), "--api", address, "--token", str(token), ends_with=1)
    token.write_text("no token")
    assert "Log in first" in run(str(folder), "--api", address, "--token", str(token), ends_with=1)
