"""Publishing: immutable versions from an image or a bundle, and channels that move."""

import base64
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from functions.domain.catalog import bundle_store
from functions.domain.catalog.bundle_store import BundleLost
from functions.domain.catalog.tests.making import a_bundle, a_slug, an_agent, in_base64
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

VERSION: dict[str, Any] = {"number": "1.0.0", "config_schema": {"type": "object"}, "bundle": in_base64(a_bundle())}


@pytest.fixture
def publish(api: Api, person: Callable[..., Person]) -> Callable[..., Response]:
    """`publish(slug, number="1.0.0", …)` as an administrator."""
    token = person(scopes=("user", "admin")).token

    def post(slug: str, **fields: Any) -> Response:
        return api.admin.post(f"/v1/admin/agents/{slug}/versions", json=VERSION | fields, token=token)

    return post


def channels(env: Environment, slug: str) -> dict[str, str]:
    query = text(
        "select c.name, v.number from channels c join agent_versions v on v.id = c.version_id"
        " join agents a on a.id = c.agent_id where slug = :slug"
    )
    with env.transaction("shared_psql", "user") as db:
        return {row.name: row.number for row in db.execute(query, {"slug": slug})}


def test_a_bundle_becomes_the_stable_version(api: Api, env: Environment, publish: Callable[..., Response]) -> None:
    slug, content = an_agent(env), a_bundle()
    answer = publish(slug, bundle=in_base64(content), changelog="First.")
    assert (answer.status_code, answer.json["channels"]) == (201, ["stable"])
    assert channels(env, slug) == {"stable": "1.0.0"}
    assert api.user.get(f"/v1/agents/{slug}/versions/1.0.0").json["changelog"] == "First."
    query = text("select bundle_sha256 from agent_versions where id = :id")
    with env.transaction("shared_psql", "worker") as db:
        assert bundle_store.fetch(str(db.scalar(query, {"id": answer.json["id"]}))) == content


def test_a_version_says_what_it_offers_and_how_often_it_is_tried_again(
    api: Api, env: Environment, publish: Callable[..., Response]
) -> None:
    slug = an_agent(env)
    tool = {"name": "add", "description": "Adds.", "input_schema": {"type": "object"}}
    answer = publish(slug, retries=2, interface={"tools": [tool]})
    assert answer.status_code == 201, answer.text
    version = api.user.get(f"/v1/agents/{slug}/versions/1.0.0").json
    assert (version["retries"], version["interface"]) == (2, {"tools": [tool]})


@pytest.mark.parametrize(
    ("interface", "pointer"),
    [
        ({"tool": []}, "/interface/tool"),
        ({"skills": [{"id": "no spaces", "name": "A", "description": "B"}]}, "/interface/skills/0/id"),
        ({"tools": [{"name": "a", "description": "b", "input_schema": {}}]}, "/interface/tools/0/input_schema"),
        (
            {"tools": [{"name": "a", "description": "b", "input_schema": {"type": "object", "$ref": "http://x/"}}]},
            "/interface/tools/0/input_schema/$ref",
        ),
        ({"resources": [{"name": "a", "description": "b"}]}, "/interface/resources/0"),
        ({"prompts": [{"name": "a", "description": "b"}] * 2}, "/interface/prompts"),
    ],
)
def test_an_interface_that_clients_could_not_be_told_is_refused(
    env: Environment, publish: Callable[..., Response], interface: dict[str, Any], pointer: str
) -> None:
    answer = publish(an_agent(env), interface=interface)
    assert (answer.status_code, answer.code) == (422, "interface_invalid")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_sending_a_bundle_again_brings_it_back(env: Environment, publish: Callable[..., Response]) -> None:
    slug, content = an_agent(env), a_bundle("def agent(r): return 'lost'")
    publish(slug, bundle=in_base64(content))
    sha256 = hashlib.sha256(content).hexdigest()
    bundle_store.store().delete(f"bundles/{sha256}")
    with pytest.raises(BundleLost):
        bundle_store.fetch(sha256)
    assert publish(slug, bundle=in_base64(content)).code == "version_exists"
    assert bundle_store.fetch(sha256) == content


def test_without_a_place_for_bundles_nothing_is_published(
    env: Environment, publish: Callable[..., Response], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slug, no_folder = an_agent(env), tmp_path / "file"
    no_folder.touch()
    monkeypatch.setenv("BUNDLE_STORE", no_folder.as_uri())
    answer = publish(slug)
    assert (answer.status_code, answer.code) == (503, "bundle_store_unavailable")
    assert channels(env, slug) == {}


def test_channels_move_to_the_version_that_names_them(env: Environment, publish: Callable[..., Response]) -> None:
    slug = an_agent(env)
    publish(slug, number="1.0.0", channels=["stable", "beta", "stable"][:2])
    publish(slug, number="1.1.0-rc.1", channels=["beta"])
    publish(slug, number="0.9.0", channels=[])
    assert channels(env, slug) == {"stable": "1.0.0", "beta": "1.1.0-rc.1"}


def test_a_number_is_published_once(env: Environment, publish: Callable[..., Response]) -> None:
    slug = an_agent(env)
    assert publish(slug).status_code == 201
    again = publish(slug, bundle=in_base64(a_bundle("def agent(r): ...")))
    assert (again.status_code, again.code) == (409, "version_exists")


def test_another_build_of_a_number_is_no_other_version(env: Environment, publish: Callable[..., Response]) -> None:
    slug = an_agent(env)
    assert publish(slug, number="1.0.0+build.1").status_code == 201
    assert publish(slug, number="1.0.0+build.2").code == "version_exists"
    assert publish(slug, number="1.0.0").code == "version_exists"
    assert publish(slug, number="1.0.0-rc.1+build.1").status_code == 201


@pytest.mark.parametrize(
    ("published", "stable"),
    [
        (["2.0.0", "1.0.1"], "2.0.0"),
        (["2.0.0", "2.1.0-rc.1"], "2.0.0"),
        (["2.0.0", "10.0.0"], "10.0.0"),
        (["2.0.0", "2.0.1+build.7"], "2.0.1+build.7"),
        (["1.0.0-rc.1"], None),
    ],
)
def test_stable_moves_neither_down_nor_to_a_preview_by_itself(
    env: Environment, publish: Callable[..., Response], published: list[str], stable: str | None
) -> None:
    slug = an_agent(env)
    told = [publish(slug, number=number).json["channels"] for number in published]
    assert channels(env, slug).get("stable") == stable
    assert told == [["stable"] if number in {stable, "2.0.0"} else [] for number in published]


def test_a_channel_that_is_named_moves_wherever_it_is_sent(env: Environment, publish: Callable[..., Response]) -> None:
    slug = an_agent(env, "2.0.0")
    assert publish(slug, number="1.0.1", channels=["stable"]).json["channels"] == ["stable"]
    assert channels(env, slug) == {"stable": "1.0.1"}


def test_a_schema_is_shown_as_it_was_sent(api: Api, env: Environment, publish: Callable[..., Response]) -> None:
    slug = an_agent(env)
    numbers = {
        "zone": {"maximum": 1e300, "default": -0.0},
        "b": {"minimum": 1.0, "maximum": 2**53},
        "a": {"const": 5e-324},
    }
    schema = {"type": "object", "properties": numbers, "$comment": "z before a"}
    assert publish(slug, config_schema=schema).status_code == 201
    shown = api.user.get(f"/v1/agents/{slug}/versions/1.0.0").json["config_schema"]
    assert json.dumps(shown) == json.dumps(schema)
    assert publish(slug, number="1.0.1", config_schema=shown).status_code == 201


def test_a_bundle_may_come_in_lines(env: Environment, publish: Callable[..., Response]) -> None:
    lines = base64.encodebytes(a_bundle("def agent(r): ...")).decode()
    assert "\n" in lines.strip()
    assert publish(an_agent(env), bundle=lines).status_code == 201


def test_of_two_at_the_same_time_one_is_published(env: Environment, publish: Callable[..., Response]) -> None:
    slug = an_agent(env)
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: publish(slug), range(4)))
    assert statuses == [201, 409, 409, 409]


def test_an_image_is_taken_where_a_driver_runs_images(
    monkeypatch: pytest.MonkeyPatch, env: Environment, publish: Callable[..., Response]
) -> None:
    monkeypatch.setenv("DRIVER", "docker")
    slug = an_agent(env)
    answer = publish(slug, image="registry.example/poet:1", bundle=None)
    assert (answer.status_code, answer.json["channels"]) == (201, ["stable"])
    query = text("select image, bundle_sha256 from agent_versions where id = :id")
    with env.transaction("shared_psql", "worker") as db:
        assert tuple(db.execute(query, {"id": answer.json["id"]}).one()) == ("registry.example/poet:1", None)


@pytest.mark.parametrize("statement", ["update agent_versions set image = 'x'", "delete from agent_versions"])
def test_the_database_too_keeps_versions_as_they_are(env: Environment, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), env.transaction("shared_psql", "admin") as db:
        db.execute(text(statement))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"bundle": None}, "source_ambiguous"),
        ({"image": "registry.example/poet:1"}, "source_ambiguous"),
        ({"image": "registry.example/poet:1", "bundle": None}, "source_unsupported"),
        ({"bundle": "no base64!"}, "bundle_invalid"),
        ({"bundle": in_base64(b"no zip")}, "bundle_invalid"),
        ({"bundle": in_base64(a_bundle("x = 1"))}, "bundle_invalid"),
        ({"bundle": in_base64(a_bundle(requirements="httpx==0.28.1"))}, "bundle_invalid"),
        ({"config_schema": {"type": "text"}}, "config_schema_invalid"),
        ({"config_schema": {"type": "object", "$ref": "https://example.com/"}}, "config_schema_invalid"),
        ({"number": "1.0"}, "invalid"),
        *(({"number": number}, "invalid") for number in ("v1.0.0", "01.0.0", "1.0.0\n")),
        ({"number": "99999999999999999999.0.0"}, "invalid"),
        ({"number": "1.0.0-rc.99999999999999999999"}, "invalid"),
        ({"image": "Not An Image"}, "invalid"),
        ({"channels": ["nightly"]}, "invalid"),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(
    env: Environment, publish: Callable[..., Response], fields: dict[str, Any], code: str
) -> None:
    slug = an_agent(env)
    answer = publish(slug, **fields)
    assert (answer.status_code, answer.code) == (422, code)
    assert answer.json["errors"]
    assert channels(env, slug) == {}


def test_an_agent_that_is_not_there_gets_no_version(publish: Callable[..., Response]) -> None:
    assert publish(a_slug()).code == "agent_not_found"


def test_a_bundle_of_a_mebibyte_fits_and_a_body_of_three_does_not(
    env: Environment, publish: Callable[..., Response]
) -> None:
    slug = an_agent(env)
    full = a_bundle("def agent(r): ...\n" + "#" * 200_000)
    assert publish(slug, bundle=in_base64(full)).status_code == 201
    assert publish(slug, number="2.0.0", bundle="A" * 3 * 1024 * 1024).status_code == 413
