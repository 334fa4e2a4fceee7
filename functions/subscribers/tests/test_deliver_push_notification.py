"""Webhooks are notified of what becomes of a task: in order, at least once, and for so long."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final

import pytest
from sqlalchemy import text

from core.ids import new_id
from events.catalog.runs import PushNotificationFallenDue
from functions.domain.a2a import notifying, webhooks
from functions.domain.a2a.webhooks import HTTP_SETTING, NETWORKS_SETTING
from functions.domain.runs.tests.test_runs import Runs
from functions.runtime import metrics
from functions.runtime.a2a import pushing
from shared_psql_models.runs import Run
from testing.canned import Server
from testing.environment import Environment
from testing.launches import Launched
from testing.responses import Response
from testing.webhook import Webhook
from tools.documents import Document

SECRETS: Final = ("hunter2-token", "hunter2-credentials")


class Tasks(Runs):
    """Tasks of an instance whose webhooks a test plays, and the runner and the dispatcher too."""

    def begin_task(self, *urls: str) -> Run:
        """Send a message, and have these notified of what becomes of it."""
        run = self.ask()
        for number, url in enumerate(urls):
            self.create(run, {"id": f"config-{number}", "url": url})
        return run

    def create(self, run: Run, config: Document) -> Response:
        secret = {"token": SECRETS[0], "authentication": {"scheme": "Bearer", "credentials": SECRETS[1]}}
        return self.instance.api.user.post(
            f"{self.instance.path}/a2a/rest/tasks/{run.id}/pushNotificationConfigs",
            json=secret | config,
            token=self.instance.owner.token,
            headers={"A2A-Version": "1.0"},
        )

    def see_through(self) -> None:
        """Have the one task that waits begin, answered and completed."""
        [claimed] = self.claim()
        running = self.begin(claimed)
        self.say(running, "an", "swer")
        assert self.end(running)

    def due(self, run: Run) -> list[Document]:
        """Return the events that are to be delivered, in their order."""
        query = text("select id, subject, data from outbox where type = :type and data->>'run_id' = :id order by seq")
        with self.by("migrator") as db:
            rows = db.execute(query, {"type": PushNotificationFallenDue.type, "id": run.id}).all()
        return [event(row.id, row.subject, row.data) for row in rows]

    def deliver(self, run: Run) -> list[int]:
        """Deliver all that is due once, and return how each was answered."""
        return [self.delivered(each) for each in self.due(run)]

    def delivered(self, due: Document) -> int:
        return self.instance.api.deliver("deliver_push_notification", due).status_code

    def write(self, run: Run, sets: str) -> None:
        with self.by("migrator") as db:
            db.execute(text(f"update push_configs set {sets} where run_id = :id"), {"id": run.id})


def event(event_id: str, subject: str, data: Document) -> Document:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/botberi/shared_psql",
        "type": PushNotificationFallenDue.type,
        "subject": subject,
        "time": "2026-01-01T00:00:00Z",
        "data": data,
    }


@pytest.fixture(autouse=True)
def this_machine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NETWORKS_SETTING, "127.0.0.1/32")
    monkeypatch.setenv(HTTP_SETTING, "allowed")


@pytest.fixture
def tasks(env: Environment, launch: Callable[..., Launched]) -> Tasks:
    return Tasks(env, launch())


@pytest.fixture
def webhook() -> Iterator[Callable[..., Webhook]]:
    made: list[Webhook] = []

    def start(*statuses: int, location: str | None = None) -> Webhook:
        made.append(Webhook(statuses, location))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_a_webhook_is_told_each_status_in_its_order_with_what_authenticates_it(
    tasks: Tasks, webhook: Callable[..., Webhook]
) -> None:
    there = webhook()
    run = tasks.begin_task(there.url)
    tasks.see_through()
    assert tasks.deliver(run) == [200, 200]
    assert there.states == ["WORKING", "COMPLETED"]
    told = there.told[1]
    assert told.headers["content-type"] == "application/a2a+json"
    assert (told.headers["x-a2a-notification-token"], told.headers["authorization"]) == (
        SECRETS[0],
        f"Bearer {SECRETS[1]}",
    )
    update = told.body["statusUpdate"]
    assert (update["taskId"], update["contextId"]) == (run.id, run.conversation_id)
    assert tasks.deliver(run) == [200, 200], "the same events once more"
    assert len(there.told) == 2


def test_each_webhook_of_a_task_goes_its_own_way(tasks: Tasks, webhook: Callable[..., Webhook]) -> None:
    one, other = webhook(500, 500, 500, 500), webhook()
    run = tasks.begin_task(one.url, other.url)
    tasks.see_through()
    assert sorted(tasks.deliver(run)) == [200, 200, 503, 503]
    assert other.states == ["WORKING", "COMPLETED"]


def test_what_is_refused_twice_is_told_the_third_time_and_nothing_overtakes_it(
    tasks: Tasks, webhook: Callable[..., Webhook]
) -> None:
    there = webhook(500, 429)
    run = tasks.begin_task(there.url)
    tasks.see_through()
    first, second = tasks.due(run)
    assert [tasks.delivered(first) for _ in range(3)] == [503, 503, 200]
    assert tasks.delivered(second) == 200
    assert there.states == ["WORKING", "WORKING", "WORKING", "COMPLETED"]


def test_an_event_that_is_lost_is_made_up_for_by_the_next(tasks: Tasks, webhook: Callable[..., Webhook]) -> None:
    there = webhook()
    run = tasks.begin_task(there.url)
    tasks.see_through()
    assert tasks.delivered(tasks.due(run)[-1]) == 200
    assert there.states == ["WORKING", "COMPLETED"]


def test_a_webhook_that_accepts_nothing_is_given_up_in_time_and_not_for_ever(
    tasks: Tasks, webhook: Callable[..., Webhook], caplog: pytest.LogCaptureFixture
) -> None:
    there = webhook(500, 500, 500)
    run = tasks.begin_task(there.url)
    [claimed] = tasks.claim()
    running = tasks.begin(claimed)
    [first] = tasks.due(run)
    assert tasks.delivered(first) == 503
    tasks.write(run, f"failing_since = failing_since - interval '{notifying.GIVE_UP_SECONDS + 1} s'")
    assert tasks.delivered(first) == 200
    assert "a push notification was given up: it was answered with 500" in caplog.messages
    assert 'botberi_push_notifications_total{outcome="given_up"}' in metrics.text()
    tasks.end(running)
    second = tasks.due(run)[1]
    assert tasks.delivered(second) == 200, "tried once, since it still accepts nothing"
    assert there.states == ["WORKING", "WORKING", "COMPLETED"]


def test_a_redirect_is_not_followed(tasks: Tasks, webhook: Callable[..., Webhook]) -> None:
    inside = webhook()
    there = webhook(307, location=inside.url)
    run = tasks.begin_task(there.url)
    tasks.see_through()
    assert tasks.delivered(tasks.due(run)[0]) == 503
    assert (len(there.told), inside.told) == (1, [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433"])
def test_no_name_leads_to_an_address_that_is_not_public(
    tasks: Tasks, webhook: Callable[..., Webhook], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    there = webhook()
    run = tasks.begin_task(there.url.replace("127.0.0.1", host))
    tasks.see_through()
    monkeypatch.setenv(NETWORKS_SETTING, "")
    assert tasks.delivered(tasks.due(run)[0]) == 503
    assert there.told == []


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200]
)
def test_what_is_no_answer_is_no_acceptance(tasks: Tasks, answer: bytes) -> None:
    server = Server([[answer]] * 2)
    run = tasks.begin_task(f"http://127.0.0.1:{server.port}/")
    tasks.see_through()
    assert tasks.delivered(tasks.due(run)[0]) == 503
    server.close()


def test_an_answer_that_takes_too_long_is_none_and_one_without_end_is_not_read(
    tasks: Tasks, webhook: Callable[..., Webhook], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = webhook()
    slow.answering.clear()
    endless = Server([[b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100]])
    monkeypatch.setattr(pushing, "SECONDS", 0.3)
    first = tasks.begin_task(slow.url)
    tasks.see_through()
    assert tasks.delivered(tasks.due(first)[0]) == 503
    monkeypatch.setattr(pushing, "SECONDS", 10)
    second = tasks.begin_task(f"http://127.0.0.1:{endless.port}/")
    tasks.see_through()
    assert tasks.delivered(tasks.due(second)[0]) == 200
    endless.close()


def test_two_at_once_send_one_and_what_a_deliverer_that_died_had_claimed_is_sent_later(
    tasks: Tasks, webhook: Callable[..., Webhook], eventually: Callable[..., object]
) -> None:
    there = webhook()
    there.answering.clear()
    run = tasks.begin_task(there.url)
    tasks.see_through()
    first, second = tasks.due(run)
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(tasks.delivered(first)))
    thread.start()
    eventually(lambda: there.told)
    assert [tasks.delivered(each) for each in (first, second)] == [503, 503]
    there.answering.set()
    thread.join()
    assert (answers, there.states) == ([200], ["WORKING"])
    tasks.write(run, "claimed_until = clock_timestamp() + interval '10 s'")
    assert tasks.delivered(second) == 503
    tasks.write(run, "claimed_until = clock_timestamp() - interval '1 s'")
    assert tasks.delivered(second) == 200
    assert there.states == ["WORKING", "COMPLETED"]


def test_slow_webhooks_of_one_account_make_nobody_else_wait(
    tasks: Tasks, env: Environment, launch: Callable[..., Launched], webhook: Callable[..., Webhook]
) -> None:
    mine = webhook()
    slow = tasks.begin_task(*(f"{mine.url}/{number}" for number in range(notifying.OF_OWNER + 1)))
    tasks.see_through()
    due = {each["subject"]: each for each in tasks.due(slow)}
    *under_way, other = due
    with tasks.by("migrator") as db:
        # Each is being told, and hasn't answered yet.
        db.execute(
            text(
                "update push_configs set claimed_until = clock_timestamp() + interval '30 s'"
                " where subject = any(cast(:subjects as text[]))"
            ),
            {"subjects": under_way},
        )
    assert len(under_way) == notifying.OF_OWNER
    assert tasks.delivered(due[other]) == HTTPStatus.SERVICE_UNAVAILABLE
    assert mine.told == []
    others = Tasks(env, launch())
    theirs = webhook()
    run = others.begin_task(theirs.url)
    others.see_through()
    assert set(others.deliver(run)) == {HTTPStatus.OK}
    tasks.write(slow, "claimed_until = null")
    assert tasks.delivered(due[other]) == HTTPStatus.OK


def test_a_deliverer_that_lost_its_claim_writes_nothing(
    tasks: Tasks, webhook: Callable[..., Webhook], eventually: Callable[..., object]
) -> None:
    there = webhook(500)
    there.answering.clear()
    run = tasks.begin_task(there.url)
    tasks.see_through()
    first = tasks.due(run)[0]
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(tasks.delivered(first)))
    thread.start()
    eventually(lambda: there.told)
    tasks.write(run, "claimed_until = clock_timestamp() + interval '10 s', failing_since = null")
    there.answering.set()
    thread.join()
    with tasks.by("migrator") as db:
        query = text(
            "select notified_sequence, failing_since, claimed_until > now() from push_configs where run_id = :id"
        )
        row = db.execute(query, {"id": run.id}).one()
    assert (answers, tuple(row)) == ([503], (1, None, True))


def test_a_webhook_whose_config_is_deleted_is_told_nothing_more(tasks: Tasks, webhook: Callable[..., Webhook]) -> None:
    there = webhook()
    run = tasks.begin_task(there.url)
    tasks.see_through()
    due = tasks.due(run)
    with tasks.by("user") as db:
        db.execute(text("delete from push_configs where run_id = :id"), {"id": run.id})
    assert [tasks.delivered(each) for each in due] == [200, 200]
    assert there.told == []


def test_nothing_secret_is_in_the_database_the_events_or_the_log(
    tasks: Tasks, webhook: Callable[..., Webhook], caplog: pytest.LogCaptureFixture
) -> None:
    there = webhook(500)
    with caplog.at_level(logging.INFO):
        run = tasks.begin_task(there.url)
        tasks.see_through()
        assert tasks.deliver(run) == [503, 200]
    with tasks.by("migrator") as db:
        row = db.execute(text("select * from push_configs where run_id = :id"), {"id": run.id}).mappings().one()
        told = db.execute(text("select data::text from outbox where data->>'run_id' = :id"), {"id": run.id}).scalars()
        seen = [json.dumps({name: repr(value) for name, value in row.items()}), *told, caplog.text]
    assert [secret for secret in SECRETS if any(secret in each for each in seen)] == []
    assert [each for each in seen[1:] if "notified?by=us" in each] == []


def test_credentials_are_sent_to_the_url_that_they_were_given_for_and_to_no_other(
    tasks: Tasks, webhook: Callable[..., Webhook]
) -> None:
    there, thief = webhook(), webhook()
    run = tasks.begin_task(there.url)
    tasks.see_through()
    tasks.write(run, f"url = '{thief.url}'")
    assert tasks.delivered(tasks.due(run)[0]) == 503
    assert thief.told == []


def test_who_wants_to_know_nothing_costs_nothing(tasks: Tasks) -> None:
    run = tasks.ask()
    tasks.see_through()
    assert tasks.due(run) == []


def test_a_setting_names_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert webhooks.allows("127.0.0.1")
    monkeypatch.setenv(NETWORKS_SETTING, "")
    assert not webhooks.allows("127.0.0.1")


def test_an_event_of_a_push_config_that_never_was_is_settled(tasks: Tasks) -> None:
    config_id = new_id("psh")
    data: Document = {"push_config_id": config_id, "run_id": new_id("run"), "last_sequence": 1}
    assert tasks.delivered(event("evt_1", config_id, data)) == 200
