import pytest

from functions.runtime.tests.planting import Client, Plant

READ = """
    class Thing(Reply):
        name: str

    @endpoint("GET", "/things/{name}")
    def read_thing(name: str) -> Thing:
        return Thing(name=name)
"""
WRITE = '@endpoint("PATCH", "/things/{name}")\ndef write_thing(name: str) -> None: ...'
DELETE = '@endpoint("DELETE", "/things", status=204)\ndef delete_things() -> None: ...'


@pytest.fixture
def things(plant: Plant) -> Client:
    return plant(read_thing=READ, write_thing=WRITE, delete_things=DELETE)


@pytest.mark.parametrize("path", ["/", "/thing", "/things/", "/things/a/b", "//things/a", "/things/a/", "/Things/a"])
def test_an_address_that_there_is_not_is_a_404(things: Client, path: str) -> None:
    answer = things.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "route_not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_a_405_that_names_those_that_there_are(things: Client, method: str) -> None:
    answer = things.open("/things/a", method=method)
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, PATCH"


def test_a_function_by_itself_refuses_other_methods_too(plant: Plant) -> None:
    answer = plant(read_thing=READ).post("/things/a")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_answers_as_get_does_without_a_body(things: Client) -> None:
    head, get = things.open("/things/a", method="HEAD"), things.get("/things/a")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(get.data))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/things/a%20b", "a b"),
        ("/things/%C3%BC", "ü"),
        ("/things/a%2525", "a%25"),
        ("/things/..%252f..%252fetc", "..%2f..%2fetc"),
        ("/things/%FF", "\ufffd"),
        ("/things/%zz", "%zz"),
        ("/things/%", "%"),
        ("/things/...", "..."),
    ],
)
def test_a_path_is_decoded_once(things: Client, path: str, name: str) -> None:
    assert things.get(path).json == {"name": name}


@pytest.mark.parametrize("path", ["/things/..%2Fa", "/things/a%2Fb", "/things/../../etc/passwd", "/things/.."])
def test_what_leads_elsewhere_is_no_name_however_it_is_written(things: Client, path: str) -> None:
    assert things.get(path).status_code == 404


def test_a_nul_character_in_a_path_is_a_404(things: Client) -> None:
    assert things.get("/things/a%00b").json["code"] in {"not_found", "route_not_found"}


def test_an_id_of_another_shape_is_a_404(plant: Plant) -> None:
    client = plant(
        read_thing='@endpoint("GET", "/things/{id}")\n'
        'def read_thing(id: Annotated[str, Field(pattern="^ins_[0-9a-f]{32}$")]) -> None: ...'
    )
    assert client.get("/things/ins_1").json["code"] == "not_found"
