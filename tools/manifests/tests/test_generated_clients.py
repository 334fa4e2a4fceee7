"""Clients that a generator writes from the OpenAPI documents make the journey, and know every error by its code."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from functions.runtime import hosting
from provisioning.local_settings import ROOT
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from tools.manifests.openapi import ABOUT

DOCUMENTS: Final = ROOT / "deploy/openapi"
GENERATOR: Final = Path(sys.executable).with_name("openapi-python-client")


def generated(api_name: str, folder: Path) -> Path:
    """Generate the client of an API as a package of its name, or fail with what the generator says against it."""
    # Of lines and of packed files it knows no type, and takes them as bytes when it is told to.
    bytes_of = ", ".join(
        f'"{each}": "application/octet-stream"'
        for each in ("application/x-ndjson", "application/gzip", "application/zip")
    )
    (folder / "config.yaml").write_text(f"post_hooks: []\ncontent_type_overrides: {{{bytes_of}}}\n")
    options: list[str | Path] = ["--meta", "none", "--fail-on-warning", "--config", folder / "config.yaml"]
    places: list[str | Path] = [
        "--path",
        DOCUMENTS / f"{api_name}.json",
        "--output-path",
        folder / f"botberi_{api_name}",
    ]
    made = subprocess.run([GENERATOR, "generate", *options, *places], check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout
    return folder


@pytest.mark.parametrize("api_name", sorted(ABOUT.keys() - {"user"}))
def test_a_client_is_generated_without_a_warning(api_name: str, tmp_path: Path) -> None:
    generated(api_name, tmp_path)


class User:
    """The generated client of the user API, with its modules by their names."""

    def __init__(self, env: Environment) -> None:
        self.package = importlib.import_module("botberi_user")
        port = str(env.ports.user)
        app = hosting.create([], {port: "user"})
        self.client = self.package.Client(
            base_url=f"http://localhost:{port}", httpx_args={"transport": httpx.WSGITransport(app=app)}
        )

    def call(self, name: str, *values: str, token: str | None = None, **given: Any) -> Any:
        """Call an operation (`auth.login`); a `body` is given as JSON. Return its answer, parsed."""
        module = importlib.import_module(f"botberi_user.api.{name}")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = module.sync_detailed(*values, client=self.client.with_headers(headers), **given)
        assert answer.parsed is not None, answer.content
        return answer.parsed

    def model(self, model: str, /, **fields: Any) -> Any:
        return getattr(importlib.import_module("botberi_user.models"), model).from_dict(fields)


@pytest.fixture
def user(env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    monkeypatch.syspath_prepend(generated("user", tmp_path))
    yield User(env)
    for name in [name for name in sys.modules if name.startswith("botberi_user")]:
        del sys.modules[name]


def test_a_generated_client_makes_the_journey_and_reads_every_error(
    user: User, api: Api, person: Callable[..., Person], publish: Callable[..., str]
) -> None:
    somebody = person()
    email = api.user.get("/v1/me", token=somebody.token).json["email"]
    registration = user.model("Registration", email=email, password="a long enough password")
    assert user.call("auth.register", body=registration).status == "verification_sent"
    credentials = user.model("Credentials", email=email, password="not the password")
    assert user.call("auth.login", body=credentials).code == "credentials_wrong"

    agent = publish(schema={"type": "object", "additionalProperties": False})
    assert user.call("agents.read_agent", agent).channels["stable"] == "1.0.0"
    assert user.call("agents.read_agent", "no-such-agent").code == "agent_not_found"

    wanted = {"agent": agent, "name": "Mine", "config": {"more": 1}}
    refused = user.call("instances.create_instance", body=user.model("NewInstance", **wanted), token=somebody.token)
    assert (refused.status, refused.code, refused.errors[0].pointer) == (422, "config_invalid", "/config/more")
    body = user.model("NewInstance", **wanted | {"config": {}})
    made = user.call("instances.create_instance", body=body, token=somebody.token)
    assert user.call("instances.read_instance", made.id, token=somebody.token).name == "Mine"
    missing = "ins_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"
    assert user.call("instances.read_instance", missing, token=somebody.token).code == "instance_not_found"
    assert user.call("instances.read_instance", made.id).code == "unauthenticated"

    message = user.model("NewMessage", text="Hello")
    early = user.call("instances.send_message", made.id, body=message, token=somebody.token)
    assert (early.status, early.code) == (409, "instance_not_running")
    assert user.call("instances.stop_instance", made.id, token=somebody.token).desired_state == "stopped"
    assert user.call("instances.delete_instance", made.id, token=somebody.token).desired_state == "deleted"
    gone = user.call("instances.start_instance", made.id, token=somebody.token)
    assert (gone.status, gone.code) == (409, "instance_deleted")
