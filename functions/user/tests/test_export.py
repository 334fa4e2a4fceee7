"""Taking along everything that is known of somebody."""

import gzip
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import pytest
from sqlalchemy import text

from core import http_client
from events.catalog.accounts import ExportRequested
from events.catalog.schedules import ExportPruningFallenDue, UserPruningFallenDue
from functions.domain import encryption, signed_links
from functions.domain.accounts import export_links, exports
from functions.domain.catalog import bundle_store
from functions.subscribers.tests.test_purge_account import belonging, deliver, fill, prune, said
from testing import mails as sending
from testing import people, s3
from testing.clients import Api
from testing.environment import Environment
from testing.factors import enrol
from testing.instances import ReplaceSecret
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher
from tools.local.wait import until

LEFT_OUT: Final = {
    "user_psql": {
        "idempotency_keys": "answers that were given, kept for repeated requests",
        "device_logins": "programs that wait, for ten minutes; what comes of them are sessions",
        "mfa_challenges": "hashes, for five minutes",
        "oauth_codes": "hashes, for a day; what comes of them are sessions",
        "one_time_tokens": "hashes, for a day",
        "recovery_codes": "hashes",
    },
    "shared_psql": {
        "account_purges": "accounts that aren't there any more",
        "idempotency_keys": "answers that were given, kept for repeated requests",
    },
}
"""The tables whose rows belong to an account and aren't part of its export, with the reason."""


def ask(api: Api, somebody: Person, token: str | None = None) -> Response:
    return api.user.post("/v1/me/export", token=token or people.logged_in(somebody))


def read(api: Api, somebody: Person, export_id: str) -> Response:
    return api.user.get(f"/v1/me/export/{export_id}", token=people.logged_in(somebody))


def collect(api: Api, account_id: str, export_id: str) -> int:
    data = {"account_id": account_id, "export_id": export_id}
    return deliver(api, "collect_export", ExportRequested.type, export_id, data)


def told(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.code


def followed(api: Api, url: str) -> Response:
    """Return the answer to a link that leads to the API, which is followed without a token."""
    parts = urlsplit(url)
    return api.user.get(f"{parts.path}?{parts.query}")


def fetched(api: Api, somebody: Person, export_id: str) -> list[dict[str, Any]]:
    """Return the lines of an export that is done."""
    content = followed(api, read(api, somebody, export_id).json["link"]["url"]).content
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]


def exported(api: Api, somebody: Person) -> list[dict[str, Any]]:
    """Return the lines of an export."""
    asked = ask(api, somebody)
    assert asked.status_code == 202, asked.text
    assert collect(api, somebody.id, asked.json["id"]) == 200
    return fetched(api, somebody, asked.json["id"])


def have_everything(api: Api, env: Environment, instance: Launched) -> None:
    """Have something everywhere of the owner of an instance, but no export that is under way."""
    fill(api, env, instance)
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("delete from exports where account_id = :id"), {"id": instance.owner.id})


def kept(export_id: str) -> list[str]:
    """Return the keys of the parts of an export in the store of objects."""
    return list(bundle_store.store().keys(f"{exports.FOLDER}{export_id}/"))


def test_an_export_is_collected_fetched_and_told_by_mail(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    asked = ask(api, ann)
    assert asked.status_code == 202
    queued = read(api, ann, asked.json["id"])
    assert (queued.json["status"], queued.json["link"], queued.json["bytes"]) == ("queued", None, None)
    assert [collect(api, ann.id, asked.json["id"]) for _ in range(2)] == [200, 200]
    done = read(api, ann, asked.json["id"])
    assert (done.json["status"], done.json["expires_at"]) == ("done", asked.json["expires_at"])
    content = followed(api, done.json["link"]["url"])
    assert len(content.content) == done.json["bytes"]
    assert content.headers["Content-Disposition"] == f'attachment; filename="{asked.json["id"]}.ndjson.gz"'
    assert (content.headers["Content-Type"], content.headers["Cache-Control"]) == ("application/gzip", "no-store")
    lines = fetched(api, ann, asked.json["id"])
    [account] = [each["row"] for each in lines if each["table"] == "user_psql.accounts"]
    assert (account["id"], account["email"]) == (ann.id, ann.email)
    sending.send(api, env, ann.id)
    assert [mail.subject for mail in mails.mails if mail.to == ann.email] == ["Your data is ready"]


def test_all_that_there_is_of_somebody_is_in_it_and_no_secret(
    api: Api, env: Environment, launch: Callable[..., Launched], nothing_stopped: None
) -> None:
    instance = launch()
    have_everything(api, env, instance)
    with env.transaction("user_psql", "migrator") as db:
        secrets = (
            db.execute(
                text(
                    "select password_hash from accounts where id = :id union select hash from api_keys"
                    " where account_id = :id union select secret_hash from sessions where account_id = :id"
                ),
                {"id": instance.owner.id},
            )
            .scalars()
            .all()
        )
    lines = exported(api, instance.owner)
    for database, left_out in LEFT_OUT.items():
        there = {each["table"].partition(".")[2] for each in lines if each["table"].startswith(database)}
        assert belonging(env, database) - there == set(left_out)
    whole = json.dumps(lines)
    assert said(instance) in whole
    assert len(secrets) > 2
    assert not [each for each in secrets if each in whole]


@pytest.mark.parametrize("database", sorted(LEFT_OUT))
def test_each_table_of_accounts_is_exported_or_left_out_for_a_reason(env: Environment, database: str) -> None:
    with env.transaction(database, "migrator") as db:
        source = db.scalar(text("select prosrc from pg_proc where proname = 'exported_rows'"))
    named = set(re.findall(r"select '(\w+)'", str(source)))
    assert belonging(env, database) - named == set(LEFT_OUT[database])


def test_nothing_of_somebody_else_is_in_it(api: Api, env: Environment, launch: Callable[..., Launched]) -> None:
    mine, theirs = launch(), launch()
    whole = json.dumps(exported(api, mine.owner))
    assert mine.id in whole
    assert not [each for each in (theirs.id, theirs.owner.id, theirs.owner.email) if each in whole]


def test_nobody_is_given_a_link_to_somebody_else_s(api: Api, person: Callable[..., Person]) -> None:
    ann, eve = person(), person()
    export_id = ask(api, ann).json["id"]
    collect(api, ann.id, export_id)
    assert told(read(api, eve, export_id)) == (404, "export_not_found")


def test_there_is_one_at_a_time_and_three_in_a_day(api: Api, env: Environment, person: Callable[..., Person]) -> None:
    ann = person()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda who: ask(api, who), [ann, ann]))
    assert sorted(each.status_code for each in answers) == [202, 409]
    [first] = [each.json["id"] for each in answers if each.status_code == 202]
    assert told(ask(api, ann)) == (409, "export_under_way")
    collect(api, ann.id, first)
    for _ in range(2):
        collect(api, ann.id, ask(api, ann).json["id"])
    refused = ask(api, ann)
    assert told(refused) == (429, "too_many_exports")
    assert 86000 < int(refused.headers["Retry-After"]) <= 86400
    with env.transaction("user_psql", "migrator") as db:
        old = "update exports set requested_at = requested_at - interval '1 day' where id = :id"
        db.execute(text(old), {"id": first})
    assert ask(api, ann).status_code == 202


def test_one_that_never_came_stands_in_the_way_for_an_hour(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    lost = ask(api, ann).json["id"]
    with env.transaction("user_psql", "migrator") as db:
        old = "update exports set requested_at = requested_at - interval '1 hour' where id = :id"
        db.execute(text(old), {"id": lost})
    assert ask(api, ann).status_code == 202


def test_after_a_day_it_is_gone(
    api: Api, env: Environment, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person()
    export_id = ask(api, ann).json["id"]
    collect(api, ann.id, export_id)
    link = read(api, ann, export_id).json["link"]["url"]
    assert kept(export_id)
    prune(api, "prune_exports", ExportPruningFallenDue.type)
    assert kept(export_id)
    with env.transaction("user_psql", "migrator") as db:
        old = "update exports set requested_at = requested_at - interval '25 hours' where id = :id"
        db.execute(text(old), {"id": export_id})
    assert [told(each) for each in (read(api, ann, export_id), followed(api, link))] == [(404, "export_not_found")] * 2
    monkeypatch.setattr(exports, "KEPT", exports.KEPT * 0)
    prune(api, "prune_exports", ExportPruningFallenDue.type)
    assert not kept(export_id)
    prune(api, "prune_user_psql", UserPruningFallenDue.type)
    with env.transaction("user_psql", "migrator") as db:
        assert not db.scalar(text("select count(*) from exports where id = :id"), {"id": export_id})


def test_a_bucket_keeps_none_once_it_is_deleted() -> None:
    assert exports.FOLDER in bundle_store.GONE_ONCE_DELETED


def test_an_old_log_in_a_program_and_one_factor_of_two_are_not_enough(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    key = people.api_key(api, env, ann)
    assert told(ask(api, ann, key.text)) == (403, "session_required")
    assert told(ask(api, ann, people.logged_in(ann, age=11 * 60))) == (401, "reauthentication_required")
    enrol(api, ann)
    assert told(ask(api, ann, people.logged_in(ann, aal=1))) == (403, "insufficient_aal")
    assert ask(api, ann).status_code == 202


def test_while_the_store_is_away_it_is_collected_later(
    api: Api, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ann = person()
    export_id = ask(api, ann).json["id"]
    (tmp_path / "no-folder").write_text("")
    with monkeypatch.context() as away:
        away.setenv(bundle_store.SETTING, (tmp_path / "no-folder").as_uri())
        assert collect(api, ann.id, export_id) == 503
    assert collect(api, ann.id, export_id) == 200
    assert read(api, ann, export_id).json["status"] == "done"


def test_however_many_rows_are_held_at_a_time_all_are_in_it(
    api: Api, env: Environment, launch: Callable[..., Launched], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = launch()
    have_everything(api, env, instance)
    whole = exported(api, instance.owner)
    monkeypatch.setattr(exports, "_ROWS", 1)
    monkeypatch.setattr(exports, "_BUFFER", 7)
    in_pieces = exported(api, instance.owner)
    # Each has the exports that there are by then, and the entries of having asked for them.
    changing = ("user_psql.exports", "user_psql.audit_entries")
    without = [[each for each in lines if each["table"] not in changing] for lines in (whole, in_pieces)]
    tables = [sorted(each["table"] for each in lines) for lines in without]
    assert tables[0] == tables[1]
    assert len(in_pieces) > len(whole)


def a_link(api: Api, somebody: Person) -> SplitResult:
    """Return a link to an export."""
    export_id = ask(api, somebody).json["id"]
    collect(api, somebody.id, export_id)
    return urlsplit(str(read(api, somebody, export_id).json["link"]["url"]))


def test_a_link_is_good_for_one_export_and_as_long_as_it_says(
    api: Api, person: Callable[..., Person], replace_secret: ReplaceSecret
) -> None:
    link, other = a_link(api, person()), a_link(api, person())
    signed = dict(parse_qsl(link.query))
    later = urlencode(signed | {"expires": int(signed["expires"]) + 1})
    ways = [f"{other.path}?{link.query}", f"{link.path}?{later}", f"{link.path}?{other.query}x"]
    assert [told(api.user.get(each)) for each in ways] == [(410, "link_expired")] * 3
    assert api.user.get(f"{link.path}?{link.query}").status_code == 200
    replace_secret(signed_links.KEYS_NAME, encryption.new_key())
    assert told(api.user.get(f"{link.path}?{link.query}")) == (410, "link_expired")


def test_a_link_is_good_for_minutes(api: Api, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch) -> None:
    ann = person()
    export_id = ask(api, ann).json["id"]
    collect(api, ann.id, export_id)
    link = read(api, ann, export_id).json["link"]
    good_for = datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=export_links.SECONDS - 60) < good_for <= timedelta(seconds=export_links.SECONDS)
    monkeypatch.setattr(export_links, "SECONDS", 1)
    link = read(api, ann, export_id).json["link"]
    assert until(lambda: followed(api, link["url"]).status_code == 410, seconds=60)


def test_an_export_in_a_bucket_is_fetched_from_there(
    api: Api, env: Environment, launch: Callable[..., Launched], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = launch()
    have_everything(api, env, instance)
    with s3.server() as url:
        monkeypatch.setenv(bundle_store.SETTING, f"s3://exports?endpoint={url}")
        bundle_store.store().prepare()
        export_id = ask(api, instance.owner).json["id"]
        assert collect(api, instance.owner.id, export_id) == 200
        done = read(api, instance.owner, export_id).json
        answer = http_client.request("GET", done["link"]["url"], seconds=20)
    assert f"X-Amz-Expires={export_links.SECONDS}&" in done["link"]["url"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{export_id}.ndjson.gz"'
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("application/gzip", "no-store")
    assert len(answer.body) == done["bytes"]
    assert said(instance) in gzip.decompress(answer.body).decode()


def test_an_attempt_that_was_broken_off_leaves_nothing_in_the_next(
    api: Api, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person()
    export_id = ask(api, ann).json["id"]

    def breaks(*_: object) -> None:
        raise exports.ExportsUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(exports, "finish", breaks)
        assert collect(api, ann.id, export_id) == 503
    assert collect(api, ann.id, export_id) == 200
    assert len(kept(export_id)) == 2
    assert len([each for each in fetched(api, ann, export_id) if each["table"] == "user_psql.accounts"]) == 1
