"""Keys are exchanged while secrets are set and read and agents are called, and nothing is lost on the way."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.__main__ import botberi
from cli.key_exchange import SEALED
from core.ids import new_id
from functions.domain import rewrapping, sealing
from functions.domain.a2a import push_configs
from functions.domain.accounts import keys, totp
from functions.domain.databases import SharedDb
from functions.domain.encryption import new_key
from functions.domain.instances import config_secrets, contexts, told
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.redaction import REDACTED
from functions.runtime import agent_host_client
from testing import people, trail
from testing.clients import Api
from testing.environment import Environment
from testing.factors import challenge, enrol, verify
from testing.instances import running_host
from testing.launches import Launched
from testing.people import Person
from tools.local.ports import free_ports

Launch = Callable[..., Launched]

SCHEMA = {"type": "object", "additionalProperties": {"writeOnly": True}}
ROTATE = ("secrets", "rotate", config_secrets.KEYS_NAME, "--folder")


def said(*words: str, ends_with: int = 0) -> str:
    done = CliRunner().invoke(botberi, words)
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.output


def empty(env: Environment) -> None:
    """Take every config and secret out of the database: a key exchange is about whatever any test has sealed."""
    with env.transaction("shared_psql", "migrator") as db:
        for table in ("instances", "instance_specs"):
            db.exec_driver_sql(f"update {table} set config = '{{}}', secret_places = '{{}}'")
        db.exec_driver_sql("delete from instance_secrets")
        db.exec_driver_sql("delete from push_configs")


@pytest.fixture
def file(env: Environment, own_secrets: Path) -> Iterator[Path]:
    """Return the secret in a folder of the test's own, with nothing in the database that another key has sealed."""
    empty(env)
    yield own_secrets / config_secrets.KEYS_NAME
    empty(env)


def whole(instance: Launched) -> dict[str, object]:
    with instance.env.transaction("shared_psql", "worker") as db:
        return dict(told.wanted(SharedDb(db), instance.id).config)


def key_ids(instance: Launched) -> set[str]:
    with instance.env.transaction("shared_psql", "worker") as db:
        query = "select key_id from instance_secrets where instance_id = %s"
        return set(db.exec_driver_sql(query, (instance.id,)).scalars())


def test_keys_are_exchanged_step_by_step_and_every_secret_opens_after_each(
    file: Path, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "BATCH", 2)
    folder, config = str(file.parent), {f"key{number}": f"hunter2-{number}" for number in range(5)}
    instance = launch(config=config, schema=SCHEMA)
    [old] = sealing.master_keys(config_secrets.KEYS_NAME)
    assert "one key: add another first" in said(*ROTATE, folder, "--switch", ends_with=1)

    said(*ROTATE, folder)
    assert "two keys already" in said(*ROTATE, folder, ends_with=1)
    assert sealing.master_keys(config_secrets.KEYS_NAME)[0] == old
    assert key_ids(launch(config=config, schema=SCHEMA)) == {old.id}

    said(*ROTATE, folder, "--switch")
    new = sealing.master_keys(config_secrets.KEYS_NAME)[0]
    later = launch(config=config, schema=SCHEMA)
    assert (key_ids(later), key_ids(instance)) == ({new.id}, {old.id})
    assert "rewrap them first" in said(*ROTATE, folder, "--finish", ends_with=1)

    assert int(said("secrets", "rewrap").splitlines()[1].split()[0]) >= len(config)
    assert "\n0 data keys" in said("secrets", "rewrap")
    said(*ROTATE, folder, "--finish")
    rotations = trail.entries(instance.env, "shared_psql", action="secrets rotate", target=config_secrets.KEYS_NAME)
    assert [each["details"] for each in rotations][-3:] == [{"step": "begin"}, {"step": "switch"}, {"step": "finish"}]
    assert rotations[-1]["actor"].startswith("command-line:")
    assert len(trail.entries(instance.env, "shared_psql", action="secrets rewrap", target=new.id)) == 2
    assert [key.id for key in sealing.master_keys(config_secrets.KEYS_NAME)] == [new.id]
    assert (key_ids(instance), whole(instance), whole(later)) == ({new.id}, config, config)


def test_what_no_key_of_the_secret_wraps_is_told_and_left(file: Path, launch: Launch) -> None:
    instance = launch(config={"key": "hunter2"}, schema=SCHEMA)
    before = file.read_text()
    [old] = sealing.master_keys(config_secrets.KEYS_NAME)
    file.write_text(new_key())
    assert f" by {old.id}" in said("secrets", "rewrap", ends_with=1)
    with pytest.raises(SecretsUnavailable) as refused:
        whole(instance)
    assert old.id in str(refused.value.__cause__)
    file.write_text(before)
    assert whole(instance) == {"key": "hunter2"}


def test_what_an_earlier_release_left_in_plain_is_sealed(file: Path, launch: Launch) -> None:
    instance = launch(config={}, schema=SCHEMA)
    instance.put(config="""'{"key": "hunter2", "open": 1}'""", secret_places="'{/key}'")
    with instance.env.transaction("shared_psql", "migrator") as db:
        copied = "update instance_specs set config = (select config from instances where id = instance_id)"
        db.exec_driver_sql(f"{copied}, secret_places = '{{/key}}' where instance_id = %s", (instance.id,))
    assert whole(instance) == {"key": "hunter2", "open": 1}
    assert instance.read()["config"] == {"key": REDACTED, "open": 1}
    assert "1 configs had" in said("secrets", "rewrap")
    assert "0 configs had" in said("secrets", "rewrap")
    assert instance.row()["config"] == {"key": {"secret_version": 1}, "open": 1}
    with instance.env.transaction("shared_psql", "worker") as db:
        query = "select config::text from instance_specs where instance_id = %s"
        assert "hunter2" not in str(db.exec_driver_sql(query, (instance.id,)).scalar())
    assert whole(instance) == {"key": "hunter2", "open": 1}


def test_rewrapping_waits_for_nobody_who_reads(file: Path, launch: Launch, env: Environment) -> None:
    instance = launch(config={"key": "hunter2"}, schema=SCHEMA)
    said(*ROTATE, str(file.parent))
    said(*ROTATE, str(file.parent), "--switch")
    with env.transaction("shared_psql", "migrator") as db:
        rewrapping.rewrap(db, SEALED[config_secrets.KEYS_NAME], sealing.master_keys(config_secrets.KEYS_NAME))
        assert whole(instance) == {"key": "hunter2"}


def test_a_key_that_the_secret_holds_twice_is_not_exchanged_for_itself(file: Path, launch: Launch) -> None:
    instance = launch(config={"key": "hunter2"}, schema=SCHEMA)
    file.write_text(f"{file.read_text()}\n{file.read_text()}")
    assert "\n0 data keys" in said("secrets", "rewrap")
    assert whole(instance) == {"key": "hunter2"}


def test_no_call_of_an_agent_host_is_refused_whichever_side_has_the_next_keys_first(
    env: Environment, own_secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A host of its own: those of other tests read the secrets of all of them.
    shutil.copytree(own_secrets, tmp_path / "hosts")
    hosts, callers = tmp_path / "hosts" / contexts.KEYS_NAME, own_secrets / contexts.KEYS_NAME
    old = hosts.read_text()
    asked = new_id("ins")
    rotate = ("secrets", "rotate", contexts.KEYS_NAME, "--folder", str(own_secrets))
    assert "--switch is a step" in said(*rotate, "--switch", ends_with=2)
    said(*rotate)
    both = callers.read_text()
    said(*rotate, "--finish")
    new = callers.read_text()
    [port] = free_ports(1)
    monkeypatch.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{port}")
    with running_host(env, port, BOTBERI_SECRETS=str(hosts.parent)):
        for caller, host in ((both, old), (old, both), (both, both), (both, new), (new, both), (new, new)):
            callers.write_text(caller)
            hosts.write_text(host)
            assert agent_host_client.awake(asked) == 0
        callers.write_text(old)
        assert agent_host_client.awake(asked) is None


def test_credentials_of_push_notifications_are_rewrapped_too(file: Path, launch: Launch) -> None:
    instance = launch()
    instance.put(status="'running'", observed_generation="generation", deadline_at="null")
    run = instance.ask_agent("hello").json["id"]
    place = f"{instance.path}/a2a/rest/tasks/{run}/pushNotificationConfigs"
    config = {"url": "https://example.com", "token": "hunter2"}
    told = {"A2A-Version": "1.0"}
    assert instance.api.user.post(place, json=config, token=instance.owner.token, headers=told).status_code == 200
    [old] = sealing.master_keys(config_secrets.KEYS_NAME)
    said(*ROTATE, str(file.parent))
    said(*ROTATE, str(file.parent), "--switch")
    assert "rewrap them first" in said(*ROTATE, str(file.parent), "--finish", ends_with=1)
    said("secrets", "rewrap")
    said(*ROTATE, str(file.parent), "--finish")
    assert old not in sealing.master_keys(config_secrets.KEYS_NAME)
    with instance.env.transaction("shared_psql", "subscribers") as db:
        [found] = push_configs.of_run(SharedDb(db), run)
    assert push_configs.headers(found, instance.id) == {"X-A2A-Notification-Token": "hunter2"}


def factor_key_ids(env: Environment) -> set[str]:
    with env.transaction("user_psql", "migrator") as db:
        return set(db.exec_driver_sql("select key_id from totp_factors").scalars())


def test_keys_of_second_factors_are_exchanged_in_the_same_way(
    api: Api, person: Callable[..., Person], env: Environment, own_secrets: Path
) -> None:
    with env.transaction("user_psql", "migrator") as db:
        db.exec_driver_sql("delete from totp_factors")
    rotate = ("secrets", "rotate", totp.KEYS_NAME, "--folder", str(own_secrets))
    before = enrol(api, person())
    said(*rotate)
    said(*rotate, "--switch")
    meanwhile = enrol(api, person())
    assert len(factor_key_ids(env)) == 2
    assert "rewrap them first" in said(*rotate, "--finish", ends_with=1)
    assert said("secrets", "rewrap", totp.KEYS_NAME).startswith("1 data keys")
    said(*rotate, "--finish")
    assert factor_key_ids(env) == {sealing.master_keys(totp.KEYS_NAME)[0].id}
    for app in (before, meanwhile):
        assert verify(api, challenge(api, app.somebody), code=app.code(1)).status_code == 200
    with env.transaction("user_psql", "migrator") as db:
        db.exec_driver_sql("delete from totp_factors")


def test_no_token_is_refused_while_its_keys_are_exchanged_and_one_of_a_key_that_is_gone_is(
    api: Api, person: Callable[..., Person], own_secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = person()
    rotate = ("secrets", "rotate", keys.PRIVATE, "--folder", str(own_secrets))

    def statuses() -> list[int]:
        return [api.user.get("/v1/me", token=each).status_code for each in tokens]

    tokens = [people.logged_in(somebody)]
    for step in ((), ("--switch",)):
        said(*rotate, *step)
        tokens.append(people.logged_in(somebody))
        assert statuses() == [200] * len(tokens)
    assert "are good until" in said(*rotate, ends_with=1)
    assert statuses() == [200] * 3
    # Somebody else may have the key that signed before: nothing that it has signed is good from the next request on.
    said(*rotate, "--now")
    assert statuses() == [401, 401, 200]
    later = time.time() + 700
    monkeypatch.setattr("cli.key_exchange.time.time", lambda: later)
    said(*rotate)
    assert statuses()[2] == 200


@pytest.mark.parametrize("step", [("--finish",), ("--switch", "--now")])
def test_keys_of_tokens_have_steps_of_their_own(own_secrets: Path, step: tuple[str, ...]) -> None:
    rotate = ("secrets", "rotate", keys.PRIVATE, "--folder", str(own_secrets))
    before = (own_secrets / keys.PRIVATE).read_text()
    assert "without --finish" in said(*rotate, *step, ends_with=2)
    assert (own_secrets / keys.PRIVATE).read_text() == before
