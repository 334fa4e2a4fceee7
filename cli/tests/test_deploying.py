"""The steps of a deployment are commands, which say what they did and may be repeated."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.__main__ import botberi
from core.configuration import secret, setting
from events import signing
from events.signing import read_keys
from migrations.databases import ROLES
from provisioning import secrets_folder
from provisioning.secrets import DERIVED, names
from testing.environment import Environment
from tools.local.servers import vhosts


def said(*words: str, ends_with: int = 0) -> str:
    done = CliRunner().invoke(botberi, words)
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.output


def test_secrets_are_generated_once_and_shown_to_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = said("secrets", "generate", str(folder))
    made = {file.name: file.read_text() for file in folder.iterdir()}
    assert made.keys() == set(names()) - set(DERIVED)
    assert all(name in first for name in made)
    assert "nothing is new" in said("secrets", "generate", str(folder))
    assert made == {file.name: file.read_text() for file in folder.iterdir()}
    # One of a single character is for who has none.
    assert [name for name, text in made.items() if len(text.strip()) > 1 and text.strip() in first] == []
    printed = said("secrets", "kubernetes", str(folder))
    assert printed.count("kind: Secret") == len(names())


def test_a_key_is_exchanged_in_two_steps_that_can_be_taken_in_no_other_order(tmp_path: Path) -> None:
    said("secrets", "generate", str(tmp_path))
    file = tmp_path / signing.KEYS_NAME
    rotate = ("secrets", "rotate", signing.KEYS_NAME, "--folder", str(tmp_path))
    [old] = read_keys(file.read_text())
    assert "has one key" in said(*rotate, "--finish", ends_with=1)
    told = said(*rotate)
    assert "two keys" in told
    both = read_keys(file.read_text())
    assert both[0] == old
    assert "two keys already" in said(*rotate, ends_with=1)
    said(*rotate, "--finish")
    assert read_keys(file.read_text()) == both[1:]
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(key in told for key in file.read_text().split())
    assert {each.name for each in tmp_path.iterdir()} == set(names()) - set(DERIVED)


@pytest.mark.usefixtures("env")
def test_roles_and_tables_are_brought_up_to_date_and_it_is_said() -> None:
    assert all(f"botberi_{role}" in said("roles", "shared_psql") for role in ROLES)
    assert said("migrate") == "user_psql: at head\nshared_psql: at head\n"
    assert said("migrate", "user_psql", "--check").endswith("user_psql: its tables are as the models have them\n")


def test_the_first_agents_and_the_administrator_are_there_after_the_seed(env: Environment) -> None:
    secrets_folder.write(env.secrets / "administrator", "what an operator chose")
    said("seed")
    with env.transaction("shared_psql", "admin") as db:
        assert db.exec_driver_sql("select count(*) from agents where slug in ('echo', 'faq')").scalar() == 2


def test_the_topology_is_made_and_then_nothing_is_to_be_done(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = f"{env.vhost}-topology"
    vhosts.create(empty, env.ports.event_bus_management, secret("event-bus-admin"))
    monkeypatch.setenv("EVENT_BUS_URL", setting("EVENT_BUS_URL").replace(env.vhost, empty))
    said("topology")
    assert said("topology", "--check") == "everything is as it should be\n"
