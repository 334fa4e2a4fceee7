import itertools
import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import flask
import functions_framework
import pytest

from events.signing import new_key
from functions.runtime import functions
from functions.runtime.hosting import create
from functions.runtime.tests.planting import Client, Plant
from tools.attack.spellings import spellings

READ = '@endpoint("GET", "/things/{name}")\ndef read_thing(name: str) -> None: ...'
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
RECEIVE = "@subscriber\ndef receive_thing(event: AccountRegistered) -> None: ..."
BREAK = '@endpoint("GET", "/broken")\ndef break_thing(db: UserDb) -> None: ...'


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_SIGNING_KEYS", new_key())


@pytest.mark.parametrize("path", ["/_/health", "/_/ready"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_health_is_answered_with_nothing_of_the_world_there(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, path: str, method: str
) -> None:
    for name in ("USER_PSQL_URL", "SHARED_PSQL_URL", "USER_REDIS_URL", "BOTBERI_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    assert plant(read_thing=READ, break_thing=BREAK).open(path, method=method).status_code == 200


def test_a_function_is_found_by_its_address_and_not_by_its_name(plant: Plant) -> None:
    client = plant(read_thing=READ, break_thing=BREAK)
    assert client.get("/things/a").status_code == 200
    assert client.get("/function/read-thing/things/a").status_code == 404


def status_of(client: Client, target: str, port: int = 8080) -> int:
    """Return the status of a POST whose target is sent as it stands, as the server takes it apart."""
    path = unquote_to_bytes(re.split("[?#]", target)[0]).decode("latin-1")
    environ = {"PATH_INFO": path, "RAW_URI": target, "SERVER_PORT": str(port)}
    return client.post("/", environ_overrides=environ).status_code


def test_a_subscriber_alone_answers_at_the_root_and_nowhere_else(plant: Plant) -> None:
    client = plant("subscribers", receive_thing=RECEIVE)
    address = "/function/receive-thing"
    others = ("/anything", "/v1/me", address, "/robots.txt", *spellings(address, by="/v1/me"))
    assert status_of(client, "/") == 401
    assert [target for target in others if status_of(client, target) != 404] == []


def test_several_subscribers_are_told_apart_by_their_names(plant: Plant) -> None:
    client = plant("subscribers", receive_thing=RECEIVE, see_thing=RECEIVE.replace("receive", "see"))
    assert client.post("/function/see-thing").json["code"] == "not_signed"
    assert client.post("/").json["code"] == "route_not_found"


def test_a_subscriber_among_others_says_that_it_is_ready_and_one_that_is_not_there_does_not(plant: Plant) -> None:
    client = plant("subscribers", receive_thing=RECEIVE, see_thing=RECEIVE.replace("receive", "see"))
    assert client.get("/function/see-thing/_/ready").text == "ok"
    assert client.get("/function/smell-thing/_/ready").json["code"] == "route_not_found"
    assert plant(read_thing=READ).get("/function/see-thing/_/ready").status_code == 404


@pytest.mark.usefixtures("env")
def test_subscribers_are_on_the_listener_of_the_dispatcher_alone() -> None:
    client = Client(create([], {"8010": "user", "8060": "subscribers"}))
    found = [each for each in client.host.declarations if each.api == "subscribers"]
    addresses = {f"/function/{each.deployment}{each.path.format(key='x').rstrip('/')}": each for each in found}
    for address, each in addresses.items():
        assert status_of(client, address, port=8060) == (401 if each.method == "POST" else 405)
    assert status_of(client, "/v1/auth/login", port=8060) == 404
    for address, port in itertools.product(addresses, (8010, 8080)):
        targets = [address, *spellings(address, by="/v1/auth/logout")]
        assert [target for target in targets if status_of(client, target, port) != 404] == []


@pytest.mark.parametrize("path", ["/v1%2Fthings", "/things/a%2fb", "/things/%2e%2e", "/things/..", "/things/a%5Cb"])
def test_what_is_another_path_for_who_decodes_it_first_is_no_address(plant: Plant, path: str) -> None:
    assert plant(read_thing=READ).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "/things/"])
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


def test_a_port_serves_its_api_alone(plant: Plant) -> None:
    client = plant(read_thing=READ, break_thing=BREAK)
    client.host.apis_by_port = {"8010": "user", "8020": "admin"}
    assert client.get("/things/a", base_url="http://localhost:8010").status_code == 200
    assert client.get("/things/a", base_url="http://localhost:8020").status_code == 404


def test_a_function_that_there_is_not_stops_the_host_with_its_name() -> None:
    with pytest.raises(SystemExit, match="read_nothing"):
        create(["read_me", "read_nothing"])


def test_without_names_the_host_serves_every_function() -> None:
    assert {each.name for each in create([]).declarations} == {file.stem for file in functions.files()}
