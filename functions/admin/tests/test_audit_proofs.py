"""Verifying, exporting and proving what is in the audit trail, over the API, the command and without either."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.__main__ import botberi
from core.ids import new_id
from functions.domain.audit import anchor_store, reading, sealing
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from tools import verify_receipt


def tick(api: Api, function: str, kind: str) -> None:
    event = {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": "/botberi/shared_psql",
        "type": f"com.botberi.{kind}.fallen_due.v1",
        "subject": function,
        "time": "2026-01-01T00:00:00Z",
        "data": {"schedule": function, "slot": "2026-01-01T00:00:00Z"},
    }
    assert api.deliver(function, event).status_code == 200


@pytest.fixture
def auditor(person: Callable[..., Person]) -> str:
    return person(scopes=("auditor",)).token


DATABASES = ("user_psql", "shared_psql")


def anchor_all(api: Api, env: Environment) -> None:
    """Seal and anchor all there is, however much the tests before left: one tick takes one batch of it."""
    for database in DATABASES:
        sealed = sealing.BATCH
        while sealed == sealing.BATCH:
            with env.transaction(database, "subscribers") as db:
                sealed = sealing.seal(db)
    left = True
    while left:
        tick(api, "anchor_audit", "audit_anchoring")
        left = any(is_behind(env, database) for database in DATABASES)


def is_behind(env: Environment, database: str) -> bool:
    with env.transaction(database, "admin") as db:
        anchors = db.scalar(text("select max(last_seq) from audit_anchors"))
        return int(anchors or 0) < reading.tip(db)


@pytest.fixture
def anchored(api: Api, env: Environment, launch: Callable[..., Launched]) -> Launched:
    """Somebody who did something, which is anchored."""
    instance = launch()
    named = api.user.patch("/v1/me", json={"name": "Ann"}, token=instance.owner.token, headers={"If-Match": "*"})
    assert named.status_code == 200
    assert api.user.post(f"{instance.path}/stop", token=instance.owner.token).status_code == 202
    tick(api, "seal_audit", "audit_sealing")
    anchor_all(api, env)
    return instance


@pytest.mark.parametrize("database", DATABASES)
def test_a_trail_that_nobody_touched_verifies(api: Api, auditor: str, anchored: Launched, database: str) -> None:
    last, first, anchored_to = 0, 1, 0
    while first:
        found = api.admin.get(f"/v1/admin/audit/verify?database={database}&from_seq={first}", token=auditor).json
        assert (found["ok"], found["first_break"]) == (True, None)
        last += found["checked"]
        anchored_to = found["anchor"]["last_seq"] if found["anchor"] else anchored_to
        assert anchored_to <= last
        first = found["next_seq"]
        assert first in (None, last + 1)
    assert anchored_to > 0
    part = api.admin.get(
        f"/v1/admin/audit/verify?database={database}&from_seq={last}&to_seq={last}", token=auditor
    ).json
    assert (part["ok"], part["checked"]) == (True, 1)


def test_what_is_not_where_it_was_is_told(
    api: Api, env: Environment, auditor: str, anchored: Launched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(anchor_store.SETTING, tmp_path.as_uri())
    found = api.admin.get("/v1/admin/audit/verify", token=auditor).json
    assert found["first_break"] == {"seq": 1, "kind": "anchor_missing", "entry_id": None}
    done = CliRunner().invoke(botberi, ["audit", "verify", "--database", "shared_psql"])
    assert (done.exit_code, "anchor_missing at 1" in done.output) == (1, True)


def test_an_end_before_the_beginning_is_refused(api: Api, auditor: str) -> None:
    assert api.admin.get("/v1/admin/audit/verify?from_seq=3&to_seq=2", token=auditor).status_code == 422


def mine(api: Api, anchored: Launched, action: str) -> dict[str, Any]:
    items = api.user.get("/v1/me/audit?limit=100", token=anchored.owner.token).json["items"]
    return next(item for item in items if item["action"] == action)


def prove(tmp_path: Path, receipt: dict[str, Any], anchor: str) -> subprocess.CompletedProcess[str]:
    files = [tmp_path / "receipt.json", tmp_path / "anchor.json"]
    files[0].write_text(json.dumps(receipt))
    files[1].write_text(anchor)
    command = [sys.executable, "-I", verify_receipt.__file__, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def stored(env: Environment, receipt: dict[str, Any]) -> str:
    """Return the anchor from where it is kept."""
    folder = Path(env.environment()[anchor_store.SETTING].removeprefix("file://"))
    return (folder / str(receipt["anchor_key"])).read_text()


@pytest.mark.parametrize("action", ["update_me", "stop_instance"])
def test_people_prove_what_they_did_with_nothing_but_python(
    api: Api, env: Environment, anchored: Launched, tmp_path: Path, action: str
) -> None:
    entry = mine(api, anchored, action)
    receipt = api.user.get(f"/v1/me/audit/{entry['id']}/receipt", token=anchored.owner.token).json
    done = prove(tmp_path, receipt, stored(env, receipt))
    assert (done.returncode, done.stdout.startswith(f"proved: {anchored.owner.id} {action}")) == (0, True), done.stderr
    changes: list[dict[str, Any]] = [
        {"actor": "usr_x"},
        {"details": {}},
        {"outcome": "refused"},
        {"targets": ["ins_x"]},
    ]
    for change in changes:
        forged = receipt | {"entry": receipt["entry"] | change}
        assert prove(tmp_path, forged, stored(env, receipt)).returncode == 1
    for more in ({"path": receipt["path"][1:]}, {"path": [*receipt["path"], "00" * 32]}, {"seq": receipt["seq"] + 1}):
        assert prove(tmp_path, receipt | more, stored(env, receipt)).returncode == 1


def test_the_script_for_receipts_is_short_and_needs_nothing() -> None:
    text = Path(verify_receipt.__file__).read_text()
    assert len(text.splitlines()) <= 100
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


def test_nobody_is_shown_or_proves_what_is_not_about_them(
    api: Api, anchored: Launched, auditor: str, person: Callable[..., Person]
) -> None:
    entry, other = mine(api, anchored, "update_me"), person()
    assert entry["id"] not in api.user.get("/v1/me/audit?limit=100", token=other.token).text
    assert api.user.get(f"/v1/me/audit/{entry['id']}/receipt", token=other.token).status_code == 404
    assert api.admin.get(f"/v1/admin/audit/{entry['id']}/receipt", token=auditor).status_code == 200
    assert api.admin.get(f"/v1/admin/audit/{new_id('aud')}/receipt", token=auditor).code == "entry_not_found"


def test_whose_account_it_is_sees_what_staff_did_and_not_from_where(
    api: Api, env: Environment, anchored: Launched, person: Callable[..., Person]
) -> None:
    support = person(scopes=("support",))
    headers = {"X-Forwarded-For": "203.0.113.99", "User-Agent": "Staff/1"}
    read = api.admin.get(f"/v1/admin/accounts/{anchored.owner.id}", token=support.token, headers=headers)
    assert read.status_code == 200
    entry = mine(api, anchored, "read_account")
    assert entry["actor"] == support.id
    assert entry["details"] == {}
    receipt = api.user.get(f"/v1/me/audit/{entry['id']}/receipt", token=anchored.owner.token)
    assert receipt.code == "receipt_not_ready"
    anchor_all(api, env)
    proven = api.user.get(f"/v1/me/audit/{entry['id']}/receipt", token=anchored.owner.token).json
    assert proven["entry"]["salt"] is None


def test_an_export_verifies_without_the_platform(
    api: Api, env: Environment, auditor: str, anchored: Launched, tmp_path: Path
) -> None:
    text = api.admin.get("/v1/admin/audit/export?database=user_psql", token=auditor).text
    folder = env.environment()[anchor_store.SETTING].removeprefix("file://")

    def verified(content: str) -> tuple[int, str]:
        file = tmp_path / "export.ndjson"
        file.write_text(content)
        done = CliRunner().invoke(botberi, ["audit", "verify", "--file", str(file), "--anchors", folder])
        return done.exit_code, done.output

    lines = text.splitlines(keepends=True)
    assert json.loads(lines[-1])["count"] == len(lines) - 1
    assert verified(text)[0] == 0
    assert "a part of it is missing" in verified("".join(lines[:-1]))[1]
    assert "a part of it is missing" in verified("".join(lines[1:]))[1]
    code, told = verified(lines[0].replace('"outcome": "', '"outcome": "x') + "".join(lines[1:]))
    assert (code, "entry_changed at 1" in told) == (1, True)


def test_an_export_as_csv_ends_with_an_end_and_starts_no_formula(api: Api, auditor: str, anchored: Launched) -> None:
    answer = api.admin.get("/v1/admin/audit/export?database=user_psql&format=csv", token=auditor)
    head, *rows, end = csv.reader(answer.text.splitlines())
    assert head[:3] == ["seq", "id", "recorded_at"]
    assert end[:3] == ["end", "user_psql", str(len(rows))]
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell]
