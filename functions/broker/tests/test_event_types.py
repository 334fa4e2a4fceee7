from collections.abc import Callable

import pytest

from events import envelope
from events.catalog.load import load
from events.contracts import contracts
from testing.clients import Api
from testing.people import Person


@pytest.fixture
def token(person: Callable[..., Person]) -> str:
    return person(scopes=("user", "broker")).token


def test_every_type_of_the_catalog_is_listed_page_by_page(api: Api, token: str) -> None:
    names: list[str] = []
    cursor = ""
    while True:
        page = api.broker.get(f"/v1/event-types?limit=3{cursor}", token=token).json
        names += [item["type"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert names == sorted(load())


def test_a_type_comes_with_its_schema_and_example(api: Api, token: str) -> None:
    name, model = next(iter(load().items()))
    found = api.broker.get(f"/v1/event-types/{name}", token=token).json
    assert found["data_schema"] == contracts.schema(model)
    assert found["example"] == contracts.example(model)


def test_whoever_reads_an_event_may_read_its_schema(api: Api) -> None:
    for name, model in load().items():
        assert api.broker.get(envelope.schema_path(name)).json == contracts.schema(model)


def test_a_type_names_the_queues_that_receive_it(api: Api, token: str) -> None:
    found = api.broker.get("/v1/event-types/com.botberi.agent.created.v1", token=token).json
    assert "botberi.refresh-catalog" in found["queues"]


@pytest.mark.parametrize("path", ["/v1/event-types", "/v1/event-types/com.botberi.agent.created.v1"])
def test_what_has_not_changed_is_not_sent_again(api: Api, token: str, path: str) -> None:
    etag = api.broker.get(path, token=token).headers["ETag"]
    assert api.broker.get(path, token=token, headers={"If-None-Match": etag}).status_code == 304
    assert api.broker.get(path, token=token, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_schema_that_has_not_changed_is_not_sent_again(api: Api) -> None:
    path = envelope.schema_path(next(iter(load())))
    etag = api.broker.get(path).headers["ETag"]
    assert api.broker.get(path, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("path", ["/v1/event-types/com.botberi.no.such.v1", "/v1/event-types/x/schema"])
def test_an_unknown_type_is_not_found(api: Api, token: str, path: str) -> None:
    answer = api.broker.get(path, token=token)
    assert (answer.status_code, answer.code) == (404, "event_type_unknown")
