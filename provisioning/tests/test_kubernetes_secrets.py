from pathlib import Path

import yaml

from functions.runtime.environment import environment
from functions.runtime.functions import declarations
from provisioning import secrets_folder
from provisioning.kubernetes_secrets import text
from tools.manifests.services import SERVICES


def made(folder: Path) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(text(folder))}


def test_every_secret_that_something_mounts_is_there_under_its_own_name(tmp_path: Path) -> None:
    found = made(tmp_path)
    functions = {name for each in declarations() for name in environment(each).secrets}
    for name in functions | {name for part in SERVICES for name in part.secrets}:
        assert found[name] == {name: (tmp_path / name).read_text()}


def test_rabbitmq_is_told_no_password_but_only_hashes(tmp_path: Path) -> None:
    definitions = made(tmp_path)["event-bus-definitions"]["definitions.json"]
    assert (tmp_path / "event-bus-relay").read_text() not in definitions
    assert definitions.count('"password_hash"') == len(secrets_folder.EVENT_BUS_SERVICES)


def test_a_second_time_changes_nothing_but_the_salt(tmp_path: Path) -> None:
    before, after = made(tmp_path), made(tmp_path)
    assert before.pop("event-bus-definitions") != after.pop("event-bus-definitions")
    assert before == after
