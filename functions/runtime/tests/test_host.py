from collections.abc import Callable

import flask
import functions_framework
import pytest

from functions.runtime import functions
from functions.runtime.hosting import create
from functions.runtime.tests.planting import Plant

READ = '@endpoint("GET", "/things/{name}")\ndef read_thing(name: str) -> None: ...'
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
BREAK = '@endpoint("GET", "/broken")\ndef break_thing(db: UserDb) -> None: ...'


@pytest.mark.parametrize("path", ["/_/health", "/_/ready"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_health_is_answered_with_nothing_of_the_world_there(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, path: str, method: str
) -> None:
    for name in ("USER_PSQL_URL", "SHARED_PSQL_URL", "USER_REDIS_URL", "BOTBERI_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    assert plant(read_thing=READ, break_thing=BREAK).open(path, method=method).status_code == 200


def test_a_function_is_found_by_its_address_and_by_its_name(plant: Plant) -> None:
    client = plant(read_thing=READ, break_thing=BREAK)
    assert client.get("/things/a").status_code == 200
    assert client.get("/function/read-thing/things/a").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/function/", "/function/read-nothing", "/function/..%2Fuser", "/function/read-thing", "/function/__init__"],
)
def test_a_function_that_there_is_not_is_a_404(plant: Plant, path: str) -> None:
    assert plant(read_thing=READ, break_thing=BREAK).get(path).json["code"] == "route_not_found"


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "/function/read-thing/robots.txt"])
def test_what_the_framework_would_answer_itself_is_a_problem_too(plant: Plant, path: str) -> None:
    answer = plant(read_thing=READ).get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "route_not_found")
    assert answer.headers["X-Request-Id"] == answer.json["trace_id"]


def test_the_framework_alone_serves_a_function_as_the_host_does(plant: Plant) -> None:
    client = plant(read_thing=READ)
    [declaration] = client.host.declarations
    create_app: Callable[..., flask.Flask] = functions_framework.create_app
    alone = create_app(target=declaration.name, source=str(declaration.file), signature_type="http").test_client()
    for path in ("/things/a", "/things/a?b=c"):
        answers = [each.get(path, headers={"traceparent": TRACE}) for each in (client, alone)]
        assert answers[0].status_code == answers[1].status_code
        assert answers[0].data == answers[1].data


def test_a_port_serves_its_surface_alone(plant: Plant) -> None:
    client = plant(read_thing=READ, break_thing=BREAK)
    client.host.surfaces_by_port = {"8010": "user", "8020": "admin"}
    assert client.get("/things/a", base_url="http://localhost:8010").status_code == 200
    assert client.get("/things/a", base_url="http://localhost:8020").status_code == 404
    assert client.get("/function/read-thing/things/a", base_url="http://localhost:8010").status_code == 404


def test_a_function_that_there_is_not_stops_the_host_with_its_name() -> None:
    with pytest.raises(SystemExit, match="read_nothing"):
        create(["read_me", "read_nothing"])


def test_without_names_the_host_serves_every_function() -> None:
    assert {each.name for each in create([]).declarations} == {file.stem for file in functions.files()}
