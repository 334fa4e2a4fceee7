"""`botberi agents publish`, as authors use it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.__main__ import botberi
from functions.domain.catalog.tests.making import MAIN, a_slug
from functions.services.agent_host.code_cache.tests.an_index import an_index
from testing import factors, serving
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


@pytest.fixture(scope="module")
def address(env: Environment) -> Iterator[str]:
    """Serve every function at one address, as the edge does."""
    with serving.every_function() as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an agent's folder, named as its slug."""
    folder = tmp_path / a_slug()
    folder.mkdir()
    (folder / "main.py").write_text(MAIN)
    (folder / "config_schema.json").write_text('{"type": "object", "properties": {"greeting": {"type": "string"}}}')
    say(folder, version="1.0.0")
    return folder


def say(folder: Path, **about: object) -> None:
    (folder / "agent.json").write_text(json.dumps({"name": "Some", "summary": "Does something.", **about}))


def run(*words: str, typed: str = "", ends_with: int = 0, with_errors: bool = False) -> str:
    done = CliRunner().invoke(botberi, ["agents", "publish", *words], input=typed)
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.output if ends_with or with_errors else done.stdout


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


def test_who_has_no_token_logs_in_and_shows_a_code_of_their_app(
    address: str, api: Api, person: Callable[..., Person], folder: Path
) -> None:
    admin = person(scopes=("user", "admin"))
    app = factors.enrol(api, admin)
    typed = f"{admin.email}\n{admin.password}\n{app.code()}\n{app.code(1)}\n"
    said = run(str(folder), "--api", address, typed=typed)
    # The first code has been used: by adding the app.
    assert "1.0.0 is published" in said
    assert admin.password not in said


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("main.py", None, "There is no main.py at the top of it."),
        ("main.py", "def agent(request)\n", "main.py is not Python: expected ':' (line 1)."),
        ("main.py", "def answer(request):\n    return {}\n", "write it there as 'def agent(request)'"),
        ("json.py", "", "json.py hides a module of this name that every agent needs: give it another name."),
        ("model.bin", "0" * 2_000_000, "model.bin has 2000000: move away what it can do without"),
        ("requirements.txt", "httpx\n", "requirements.txt, line 1: httpx is not held to one version by `==`. Have it"),
        (
            "requirements.txt",
            "httpx==0.28.1\n",
            "requirements.txt, line 1: httpx has no hash. Have it written: `uv pip",
        ),
        ("config_schema.json", "{", "config_schema.json is not JSON: Expecting property name"),
        ("config_schema.json", "[]", "config_schema.json holds no JSON object"),
        ("config_schema.json", '{"type": "array"}', "config_schema.json: /type: A config is an object"),
        ("config_schema.json", '{"type": "object", "required": 1}', "config_schema.json: /required: It is no JSON Sch"),
        ("agent.json", None, "agent.json is missing: write there what the catalog is to say, such as"),
        ("agent.json", '{"name": "", "summary": "S"}', "agent.json: name: String should have at least 1 character"),
        ("agent.json", '{"summary": "S", "version": "1.0.0"}', "agent.json: name: This is required."),
        (
            "agent.json",
            '{"name": "N", "summary": "S", "version": "1.0.0", "interface": {"tools": [{"name": "a b"}]}}',
            "agent.json: /interface/tools/0/name: String should match pattern",
        ),
        ("agent.json", '{"changelg": ""}', "agent.json: changelg: There is no such field."),
        ("agent.json", '{"version": "1.0"}', "agent.json: version: Say here which version this is, as major.minor.pa"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_sent(folder: Path, name: str, content: str | None, told: str) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    assert told in " ".join(run(str(folder), "--api", "http://127.0.0.1:1", ends_with=1).split())


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    (folder / "main.py").unlink()
    (folder / "config_schema.json").write_text("[")
    said = run(str(folder), "--slug", "Poet", ends_with=1)
    assert [part in said for part in ("'Poet': ", "There is no main.py", "is not JSON")] == [True] * 3


def test_an_api_that_is_not_there_is_told_with_what_to_do(address: str, folder: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("any")
    for api, told in (
        ("http://127.0.0.1:1", "can't be reached at http://127.0.0.1:1: "),
        ("localhost:8080", "Name another by --api http://…"),
        (f"{address}/nothing", "Name by --api what stands before /v1"),
    ):
        assert told in run(str(folder), "--api", api, "--token", str(token), ends_with=1)
    with an_index() as something_else:
        told = run(str(folder), "--api", something_else.url, "--token", str(token), ends_with=1)
        assert "answered 404 as the API never does: does --api name something else?" in told


def test_what_the_api_refuses_is_told_with_what_to_do(
    address: str, person: Callable[..., Person], folder: Path, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    words = (str(folder), "--api", address, "--token", str(token))
    token.write_text("no token")
    assert "A token is good for ten minutes" in run(*words, ends_with=1)
    token.write_text(person().token)
    assert "Publishing is for accounts with the scope catalog or admin." in run(*words, ends_with=1)
    token.write_text(person(scopes=("user", "admin")).token)
    assert "is published" in run(*words)
    assert "Its number is `version` in agent.json." in run(*words, ends_with=1)
    say(folder, version="1.0.1", name="Another", tags=["verse"])
    assert "keeps its own name, tags" in run(*words, with_errors=True)
