"""Where nobody has said that agents may run unconfined, whoever asks for one is told so, and none is started."""

from collections.abc import Callable

import pytest

from functions.domain.catalog.tests.making import a_bundle, an_agent, in_base64
from functions.domain.instances.confinement import SETTING
from functions.jobs import converge
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

Launch = Callable[..., Launched]

REFUSED = (409, "agents_not_allowed")


def said(answer: Response) -> tuple[int, str | None]:
    return answer.status_code, answer.code


def test_launching_starting_and_publishing_are_refused(
    api: Api, env: Environment, person: Callable[..., Person], launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, slug = launch(), an_agent(env)
    administrator = person(scopes=("user", "admin"))
    wanted = {"agent": slug, "name": "Mine", "config": {}}
    version = {"number": "1.0.0", "config_schema": {"type": "object"}, "bundle": in_base64(a_bundle())}
    for value in ("", "no", "true", "YES", " yes"):
        monkeypatch.setenv(SETTING, value)
        published = api.admin.post(f"/v1/admin/agents/{slug}/versions", json=version, token=administrator.token)
        assert said(api.user.post("/v1/instances", json=wanted, token=instance.owner.token)) == REFUSED
        assert said(instance.ask("start")) == REFUSED
        assert said(published) == REFUSED
    assert instance.ask("stop").status_code == instance.ask("delete").status_code == 202


def test_a_worker_starts_none_and_says_why(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = launch()
    monkeypatch.setenv(SETTING, "")
    converge.converge(instance.id)
    told = instance.read()
    assert (told["status"], told["reason"]) == ("failed", "agents_not_allowed")
    assert "operates it" in told["message"]
    monkeypatch.setenv(SETTING, "yes")
    assert instance.ask("start").status_code == 202
    converge.converge(instance.id)
    assert instance.status == "running"
