"""Push configs: created, read, listed and deleted by both bindings, and only by who may."""

from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import text

from functions.domain.a2a import push_configs
from functions.domain.instances import config_secrets
from functions.domain.runs import forgetting
from functions.domain.runs.tests.test_runs import Runs
from functions.runtime.a2a.tests.test_bindings import Client, said
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from tools.documents import Document

URL: Final = "https://example.com/notified"
AUTHENTICATION: Final = {"scheme": "Bearer", "credentials": "hunter2"}
NOW: Final = {"returnImmediately": True}


class Configs(Client):
    """A client with a task that waits."""

    def __init__(self, instance: Launched, token: str | None = None) -> None:
        super().__init__(instance, token)
        self.task = str(self.result("SendMessage", said("hi") | {"configuration": NOW})["task"]["id"])
        self.path = f"/tasks/{self.task}/pushNotificationConfigs"

    def create(self, **config: object) -> Document:
        return self.result("CreateTaskPushNotificationConfig", {"taskId": self.task, "url": URL, **config})

    def ids(self) -> list[str]:
        listed = self.result("ListTaskPushNotificationConfigs", {"taskId": self.task})
        assert listed["nextPageToken"] == ""
        return [each["id"] for each in listed["configs"]]


@pytest.fixture
def client(launch: Callable[..., Launched]) -> Configs:
    return Configs(launch())


def test_a_config_is_created_read_listed_and_deleted_by_both_bindings_alike(client: Configs) -> None:
    asked: Document = {"id": "ours", "url": URL, "token": "hunter2", "authentication": AUTHENTICATION}
    shown = {"id": "ours", "taskId": client.task, "url": URL, "authentication": {"scheme": "Bearer"}}
    created = client.rest("POST", client.path, asked)
    assert (created.status_code, created.json) == (200, shown)
    of_config: Document = {"taskId": client.task, "id": "ours"}
    assert client.result("GetTaskPushNotificationConfig", of_config) == shown
    assert client.rest("GET", f"{client.path}/ours").json == shown
    assert client.rest("GET", client.path).json == {"configs": [shown], "nextPageToken": ""}
    assert client.ids() == ["ours"]
    assert client.rest("DELETE", f"{client.path}/ours").json == {}
    assert client.result("DeleteTaskPushNotificationConfig", of_config) == {}
    assert client.error("GetTaskPushNotificationConfig", of_config) == -32001
    gone = client.rest("GET", f"{client.path}/ours")
    assert (gone.status_code, gone.json["error"]["details"][0]["reason"]) == (404, "TASK_NOT_FOUND")


def test_what_is_created_twice_is_one_and_who_names_no_id_has_one_for_a_task(client: Configs) -> None:
    assert client.create()["id"] == client.create(url=f"{URL}/2")["id"] == client.task
    client.create(id="ours", authentication=AUTHENTICATION)
    assert "authentication" not in client.create(id="ours")
    assert client.ids() == [client.task, "ours"]
    read = client.result("GetTaskPushNotificationConfig", {"taskId": client.task, "id": client.task})
    assert read["url"] == f"{URL}/2"


def test_a_config_comes_with_a_message_and_with_one_that_comes_twice_is_one(client: Configs) -> None:
    for config in ({"id": "ours", "url": URL, "authentication": AUTHENTICATION}, {"url": URL}):
        message = said("hi") | {"configuration": {**NOW, "taskPushNotificationConfig": config}}
        [task] = {client.result("SendMessage", message)["task"]["id"] for _ in range(2)}
        listed = client.rest("GET", f"/tasks/{task}/pushNotificationConfigs").json["configs"]
        assert [each["id"] for each in listed] == [config.get("id", task)]


def test_a_config_that_is_refused_has_its_message_refused(client: Configs) -> None:
    before = client.rest("GET", "/tasks").json["totalSize"]
    for config in ({"url": "http://127.0.0.1/"}, {"url": URL, "taskId": client.task}):
        message = said("hi") | {"configuration": {**NOW, "taskPushNotificationConfig": config}}
        assert client.error("SendMessage", message) == -32602
    assert client.rest("GET", "/tasks").json["totalSize"] == before


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": None},
        {"url": 7},
        {"url": "https://10.0.0.1/"},
        {"url": "http://example.com/"},
        {"url": f"https://example.com/{'x' * 2048}"},
        {"url": "https://example.com/\nX-A: b"},
        {"url": URL, "id": "x" * 257},
        {"url": URL, "token": "a\r\nX-A: b"},
        {"url": URL, "token": "x" * 4097},
        {"url": URL, "authentication": {"credentials": "hunter2"}},
        {"url": URL, "authentication": {"scheme": "Bearer\n", "credentials": "hunter2"}},
        {"url": URL, "authentication": {"scheme": "Bearer", "credentials": "ä"}},
        {"url": URL, "authentication": "Bearer hunter2"},
    ],
)
def test_what_is_no_config_is_refused_and_not_repeated(client: Configs, config: Document) -> None:
    answer = client.rest("POST", client.path, config)
    assert (answer.status_code, answer.json["error"]["details"][0]["reason"]) == (400, "INVALID_PARAMS")
    assert "hunter2" not in answer.text
    assert client.ids() == []


def test_other_people_have_no_such_task(client: Configs, person: Callable[..., Person]) -> None:
    client.create(id="ours")
    other = person().token
    for method, path, body in (
        ("POST", client.path, {"url": URL}),
        ("GET", client.path, None),
        ("GET", f"{client.path}/ours", None),
        ("DELETE", f"{client.path}/ours", None),
    ):
        answer = client.instance.api.user.request(
            method, f"{client.instance.path}/a2a/rest{path}", json=body, token=other, headers={"A2A-Version": "1.0"}
        )
        assert answer.status_code == 404
    assert client.ids() == ["ours"]
    assert client.error("CreateTaskPushNotificationConfig", {"taskId": "run_1", "url": URL}) == -32001
    assert client.error("ListTaskPushNotificationConfigs", {"taskId": "run_1"}) == -32001
    assert client.error("DeleteTaskPushNotificationConfig", {"taskId": "run_1", "id": "ours"}) == -32001


def test_a_task_has_no_more_than_it_may(client: Configs) -> None:
    for number in range(push_configs.MOST):
        client.create(id=str(number))
    assert client.error("CreateTaskPushNotificationConfig", {"taskId": client.task, "url": URL, "id": "more"}) == -32602
    client.create(id="0")
    assert len(client.ids()) == push_configs.MOST


def test_there_is_one_page(client: Configs) -> None:
    assert client.rest("GET", f"{client.path}?pageSize=1").status_code == 200
    assert client.rest("GET", f"{client.path}?pageToken=x").status_code == 400


def test_configs_go_with_their_task(client: Configs, env: Environment) -> None:
    client.create(authentication=AUTHENTICATION)
    runs = Runs(env, client.instance)
    [claimed] = runs.claim()
    runs.end(runs.begin(claimed))
    assert client.create(id="after its end")["id"] == "after its end"
    with runs.by("user") as db:
        assert forgetting.forget_one(db, client.task)
    with runs.by("migrator") as db:
        query = text("select count(*) from push_configs where run_id = :id")
        assert db.scalar(query, {"id": client.task}) == 0


def test_without_the_key_nothing_is_created_and_nobody_is_told_why(
    client: Configs, replace_secret: Callable[[str, str | None], None]
) -> None:
    keys = (client.instance.env.secrets / config_secrets.KEYS_NAME).read_text()
    replace_secret(config_secrets.KEYS_NAME, None)
    answer = client.rest("POST", client.path, {"url": URL, "authentication": AUTHENTICATION})
    replace_secret(config_secrets.KEYS_NAME, keys)
    assert (answer.status_code, config_secrets.KEYS_NAME in answer.text) == (503, False)
    assert client.ids() == []
