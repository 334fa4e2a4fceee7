"""Runs and conversations over HTTP, while a test plays the runner."""

from collections.abc import Callable

import pytest
from pydantic import JsonValue

from functions.domain.runs import reading, recording
from functions.domain.runs.reasons import Reason, explain
from functions.domain.runs.recording import Change
from functions.domain.runs.tests.test_runs import ANYBODY, Runs
from shared_psql_models.runs import EventType, Run, RunStatus
from testing import launches
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response
from tools.documents import Document


class Mine(Runs):
    """Runs of an instance, and what its owner reads of them."""

    def get(self, path: str, token: str | None = None) -> Response:
        return self.instance.api.user.get(path, token=token or self.instance.owner.token)

    def post(self, path: str, json: object = None) -> Response:
        return self.instance.api.user.post(path, json=json, token=self.instance.owner.token)

    def shown(self, run: Run) -> Document:
        answer = self.get(f"/v1/runs/{run.id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def complete(self, run: Run, *texts: str) -> None:
        [claimed] = [each for each in self.claim() if each.id == run.id]
        running = self.begin(claimed)
        self.say(running, *texts)
        assert self.end(running)

    def want_input(self) -> None:
        """Have the agent that is called next ask for a colour."""
        [claimed] = self.claim()
        running = self.begin(claimed)
        asked: dict[str, JsonValue] = {"id": "ask_" + "1" * 32, "text": "Which?", "schema": {"enum": ["blue", "red"]}}
        change = Change(
            RunStatus.INPUT_REQUIRED,
            explain(Reason.INPUT_WANTED),
            deadline_in=60,
            columns={"request": asked},
            frees=True,
            before=[(EventType.INPUT, asked)],
            keeps_reply=True,
        )
        with self.by("runner") as db:
            assert recording.record(db, running, change)


@pytest.fixture
def mine(env: Environment, launch: Callable[..., Launched]) -> Mine:
    return Mine(env, launch())


def test_a_run_is_shown_as_it_waits_works_and_ends(mine: Mine) -> None:
    first = mine.ask("one")
    second = mine.ask("two", conversation_id=first.conversation_id)
    waiting = mine.shown(second)
    assert (waiting["status"], waiting["reason"], waiting["place"], waiting["text"]) == ("queued", "accepted", 2, "")

    [claimed] = mine.claim()
    running = mine.begin(claimed)
    mine.say(running, "Hel")
    assert [mine.shown(first)[name] for name in ("status", "text", "place", "last_sequence")] == [
        *("running", "Hel", None, 3),
    ]
    assert mine.end(running)
    ended = mine.shown(first)
    assert (ended["status"], ended["text"], ended["deadline_at"]) == ("completed", "Hel", None)


def test_who_has_the_newest_state_of_a_run_is_told_so(mine: Mine) -> None:
    run = mine.ask()
    etag = mine.get(f"/v1/runs/{run.id}").headers["ETag"]
    api, token = mine.instance.api.user, mine.instance.owner.token
    unchanged = api.get(f"/v1/runs/{run.id}", token=token, headers={"If-None-Match": etag})
    mine.post(f"/v1/runs/{run.id}/cancel")
    changed = api.get(f"/v1/runs/{run.id}", token=token, headers={"If-None-Match": etag})
    assert (unchanged.status_code, changed.status_code) == (304, 200)


def test_events_are_read_in_pages_from_any_number_on(mine: Mine) -> None:
    run = mine.ask()
    mine.complete(run, "a", "b")
    page = mine.get(f"/v1/runs/{run.id}/events?after=1&limit=2").json
    assert [(each["sequence"], each["type"]) for each in page["items"]] == [(2, "status"), (3, "text")]
    rest = mine.get(f"/v1/runs/{run.id}/events?cursor={page['next_cursor']}").json
    assert [(each["sequence"], each["data"].get("text")) for each in rest["items"]] == [(4, "b"), (5, None)]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("text", [" ", "\n\t", "\u2003"])
def test_a_text_of_white_space_is_refused_by_a_sentence_that_says_so(mine: Mine, text: str) -> None:
    answer = mine.post(f"{mine.instance.path}/messages", {"text": text})
    [error] = answer.json["errors"]
    assert error == {"pointer": "/text", "code": "blank", "message": "There is nothing in it but white space"}


def test_a_run_that_waits_is_cancelled_at_once_and_only_once(mine: Mine) -> None:
    run = mine.ask()
    cancelled = mine.post(f"/v1/runs/{run.id}/cancel")
    assert (cancelled.status_code, cancelled.json["status"]) == (202, "cancelled")
    assert cancelled.json["reason"] == "cancel_requested"
    again = mine.post(f"/v1/runs/{run.id}/cancel")
    assert (again.status_code, again.code) == (409, "run_ended")


def test_what_an_agent_asks_is_answered_once_and_by_what_fits(mine: Mine) -> None:
    run = mine.ask("Paint it")
    nothing = mine.post(f"/v1/runs/{run.id}/input", {"value": "blue"})
    mine.want_input()
    request = mine.shown(run)["request"]
    assert request == {"id": "ask_" + "1" * 32, "text": "Which?", "schema": {"enum": ["blue", "red"]}, "tool": None}
    other = mine.post(f"/v1/runs/{run.id}/input", {"id": "ask_" + "2" * 32, "value": "blue"})
    wrong = mine.post(f"/v1/runs/{run.id}/input", {"value": "green"})
    answers = [(each.status_code, each.code) for each in (nothing, other, wrong)]
    assert answers == [(409, "nothing_asked"), (409, "nothing_asked"), (422, "answer_invalid")]
    assert wrong.json["errors"][0]["pointer"] == "/value"
    given = mine.post(f"/v1/runs/{run.id}/input", {"id": request["id"], "value": "blue"})
    assert (given.status_code, given.json["status"], given.json["reason"]) == (202, "queued", "answered")
    assert "what it asks for now" in other.json["detail"]
    assert given.json["request"] is None, "it is asked no more"


def test_what_an_agent_has_asked_in_a_run_that_was_cancelled_is_asked_no_more(mine: Mine) -> None:
    run = mine.ask()
    mine.want_input()
    assert mine.post(f"/v1/runs/{run.id}/cancel").json["request"] is None
    late = mine.post(f"/v1/runs/{run.id}/input", {"value": "blue"})
    assert (late.code, late.json["detail"].split(":")[0]) == ("run_ended", "The run has ended, as cancelled")


def test_a_conversation_tells_what_was_said_newest_first_and_in_pages(mine: Mine) -> None:
    first = mine.ask("Paint it")
    mine.want_input()
    mine.post(f"/v1/runs/{first.id}/input", {"value": "blue"})
    mine.complete(first, "Blue ", "it is.")
    second = mine.ask("Thanks", conversation_id=first.conversation_id)
    path = f"/v1/conversations/{first.conversation_id}"
    assert mine.get(path).json["runs"] == 2
    said: list[tuple[str, str]] = []
    page: Document = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        asked = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        page = mine.get(f"{path}/messages?limit=2{asked}").json
        said += [(each["role"], each["text"]) for each in page["items"]]
    assert said == [
        ("user", "Thanks"),
        ("agent", "Blue it is."),
        ("user", "blue"),
        ("agent", "Which?"),
        ("user", "Paint it"),
    ]
    assert second.conversation_id == first.conversation_id


def test_runs_and_conversations_of_an_instance_are_listed_newest_first(
    mine: Mine, api: Api, person: Callable[..., Person]
) -> None:
    runs = [mine.ask(text) for text in ("one", "two", "three")]
    mine.complete(runs[0], "secret words")
    listed = mine.get(f"{mine.instance.path}/runs").json["items"]
    assert [each["asked"] for each in listed] == ["three", "two", "one"]
    done = mine.get(f"{mine.instance.path}/runs?status=completed").json["items"]
    assert [each["id"] for each in done] == [runs[0].id]
    conversations = mine.get(f"{mine.instance.path}/conversations").json["items"]
    assert [each["id"] for each in conversations] == [run.conversation_id for run in reversed(runs)]
    administrator = person(scopes=("user", "admin"))
    seen = api.admin.get(f"/v1/admin/instances/{mine.instance.id}/runs", token=administrator.token)
    assert [each["id"] for each in seen.json["items"]] == [run.id for run in reversed(runs)]
    assert "secret" not in seen.text
    assert "three" not in seen.text


def test_runs_of_all_instances_are_listed_by_what_they_wait_for(
    mine: Mine, env: Environment, publish: Callable[..., str], person: Callable[..., Person]
) -> None:
    waiting = mine.ask("paint it")
    mine.want_input()
    other = Mine(env, launches.launch(mine.instance.api, env, mine.instance.owner, publish()))
    newest = other.ask("two")

    def listed(query: str = "", token: str | None = None) -> list[str]:
        return [each["id"] for each in mine.get(f"/v1/runs{query}", token).json["items"]]

    assert listed() == [newest.id, waiting.id]
    assert listed("?status=input_required") == [waiting.id]
    assert listed(f"?instance_id={other.instance.id}") == [newest.id]
    assert listed(f"?instance_id={other.instance.id}&status=input_required") == []
    first = mine.get("/v1/runs?limit=1").json
    assert listed(f"?limit=1&cursor={first['next_cursor']}") == [waiting.id]
    assert mine.get("/v1/runs?status=input_required").json["items"][0]["asked"] == "paint it"
    assert listed(token=person().token) == []
    mine.instance.put(status="'deleted'", desired_state="'deleted'")
    assert (listed(), listed("?status=input_required")) == ([newest.id], [])


@pytest.mark.parametrize(
    "path", ["runs/{run.id}", "runs/{run.id}/events", "conversations/{run.conversation_id}/messages"]
)
def test_cursors_of_nowhere_are_refused(mine: Mine, path: str) -> None:
    run = mine.ask()
    answer = mine.get("/v1/" + path.format(run=run) + "?cursor=eA")
    assert answer.status_code == 422


def test_nobody_else_learns_of_a_run_and_nobody_at_all_once_its_instance_is_deleted(
    mine: Mine, person: Callable[..., Person]
) -> None:
    run = mine.ask()
    mine.complete(run, "done")
    of_run = [f"/v1/runs/{run.id}", f"/v1/runs/{run.id}/events", f"/v1/conversations/{run.conversation_id}"]
    of_run += [f"/v1/conversations/{run.conversation_id}/messages"]
    stranger = person().token
    assert [mine.get(path, stranger).status_code for path in of_run] == [404] * len(of_run)
    assert [mine.get(path).status_code for path in of_run] == [200] * len(of_run)
    mine.instance.put(status="'deleted'", desired_state="'deleted'")
    paths = [*of_run, f"{mine.instance.path}/runs", f"{mine.instance.path}/conversations"]
    assert [mine.get(path).status_code for path in paths] == [404] * len(paths)
    assert mine.post(f"/v1/runs/{run.id}/cancel").status_code == 404
    with mine.by("runner") as db:
        assert reading.find(db, run.id, ANYBODY).ended
