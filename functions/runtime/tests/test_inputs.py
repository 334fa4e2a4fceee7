import gzip
import json
from io import BytesIO
from typing import Any

import pytest

from functions.runtime.tests.planting import Client, Plant

JSON = {"Content-Type": "application/json"}

ECHO = """
    class Thing(Body):
        name: Annotated[str, Field(max_length=10)]
        config: dict[str, Any] = {}
        tags: tuple[str, ...] = ()

    class Told(Reply):
        name: str

    @endpoint("POST", "/things", max_body=2000)
    def write_thing(thing: Thing) -> Told:
        return Told(name=thing.name)
"""


CHANGE = """
    from pydantic import field_validator

    class Change(Body):
        name: str

        @field_validator("name")
        @classmethod
        def says_no(cls, name: str) -> str:
            if name == "no":
                raise ValueError("Choose another name.")
            return name

    class Changed(Reply):
        name: str

    @endpoint("PATCH", "/things")
    def change_thing(change: Change) -> Changed:
        return Changed(name=change.name)
"""

SEARCH = """
    class Search(Query):
        q: str = ""
        slug: Annotated[str, Field(pattern="^[a-z]+$", examples=["echo"])] = "none"
        label: Annotated[str, Field(pattern="^[a-z]+=[a-z]+$")] = "a=b"

    class Hits(Reply):
        q: str

    @endpoint("GET", "/things")
    def search_things(query: Search) -> Hits:
        return Hits(q=query.q)
"""


@pytest.fixture
def things(plant: Plant) -> Client:
    return plant(write_thing=ECHO, change_thing=CHANGE, search_things=SEARCH)


def test_a_value_of_another_form_is_told_by_an_example_and_not_by_a_pattern(things: Client) -> None:
    answer = things.get("/things", query_string={"slug": "7", "label": "7"})
    assert [(error["pointer"], error["code"], error["message"]) for error in answer.json["errors"]] == [
        ("?slug", "string_pattern_mismatch", "Not of the form that is taken here, which is that of echo"),
        (
            "?label",
            "string_pattern_mismatch",
            "Not of the form that is taken here: the API's document has its pattern",
        ),
    ]


def sent(client: Client, body: bytes | str, content_type: str = "application/json") -> Any:
    return client.post("/things", data=body, content_type=content_type)


def test_a_good_body_arrives(things: Client) -> None:
    assert sent(things, '{"name": "it"}').json == {"name": "it"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        '{"name": }',
        "{'name': 'x'}",
        '{"name": "x"} x',
        '{"name": "x", "name": "y"}',
        '{"name": "x", "config": {"a": {"b": 1, "b": 2}}}',
        '{"name": "x", "config": {"a": NaN}}',
        '{"name": "x", "config": {"a": -Infinity}}',
        '{"name": "x", "config": {"a": 1e999}}',
        '{"name": "\\ud800"}',
        '{"name": "x", "config": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
        "[" * 1000 + "]" * 1000,
        b'{"name": "\xff"}',
        '{"name": "x"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"name": "x"}',
        '{"name": "a\nb"}',
    ],
)
def test_what_is_not_json_is_a_400_that_says_why(things: Client, body: str | bytes) -> None:
    answer = sent(things, body)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    assert answer.json["detail"].startswith("The body is not JSON: ")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ("[]", [""]),
        ("null", [""]),
        ('"name"', [""]),
        ("{}", ["/name"]),
        ('{"name": 5}', ["/name"]),
        ('{"name": "more than ten"}', ["/name"]),
        ('{"name": "x", "nmae": "y", "tags": ["a", 1]}', ["/tags/1", "/nmae"]),
        ('{"name": "x", "a/b~c": 1}', ["/a~1b~0c"]),
        ('{"name": "a\\u0000b"}', ["/name"]),
        ('{"name": "x", "tags": ["a", "\\u0000"]}', ["/tags/1"]),
        ('{"name": "x", "config": {"a": [{"b": "\\u0000"}], "c\\u0000": 1}}', ["/config/a/0/b", "/config"]),
    ],
)
def test_what_does_not_fit_is_a_422_with_each_error_at_its_field(
    things: Client, body: str, pointers: list[str]
) -> None:
    answer = sent(things, body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [error["pointer"] for error in answer.json["errors"]] == pointers


def test_what_was_sent_is_not_said_back(things: Client) -> None:
    assert "hunter2" not in sent(things, '{"name": "hunter2 hunter2", "hunter": "hunter2"}').text.replace("/hunter", "")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_another_content_type_is_a_415(things: Client, content_type: str) -> None:
    answer = sent(things, '{"name": "x"}', content_type)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


def test_a_content_type_may_name_its_character_set(things: Client) -> None:
    assert sent(things, '{"name": "x"}', "application/json; charset=utf-8").status_code == 200


class Unread(BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        pytest.fail(f"{size} bytes were read")


def test_a_body_that_nobody_asked_for_is_not_read(plant: Plant) -> None:
    client = plant(press_button='@endpoint("POST", "/button", status=204)\ndef press_button() -> None: ...')
    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": "10000000000"}
    assert client.post("/button", environ_overrides=environ).status_code == 204


def test_a_body_within_bounds_is_read_to_its_end_before_a_refusal(things: Client) -> None:
    body = BytesIO(b"x" * 2000)
    environ = {"wsgi.input": body, "CONTENT_LENGTH": "2000"}
    assert things.post("/things", content_type="text/plain", environ_overrides=environ).status_code == 415
    assert body.tell() == 2000


def test_a_body_that_says_that_it_is_too_large_is_not_read(things: Client) -> None:
    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": "2001"}
    answer = things.post("/things", content_type="application/json", environ_overrides=environ)
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


@pytest.mark.parametrize(("size", "status"), [(2000, 200), (2001, 413), (10_000_000, 413)])
def test_a_body_that_does_not_say_its_length_is_read_up_to_the_bound(things: Client, size: int, status: int) -> None:
    body = BytesIO(json.dumps({"name": "x"}).ljust(size).encode())
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = things.post("/things", input_stream=body, content_type="application/json", environ_overrides=environ)
    assert answer.status_code == status
    assert body.tell() <= 2 * 2001


def test_a_body_that_ends_early_is_a_400_even_if_it_is_json(things: Client) -> None:
    environ = {"wsgi.input": BytesIO(b'{"name": "x"}'), "CONTENT_LENGTH": "50"}
    answer = things.post("/things", content_type="application/json", environ_overrides=environ)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed")


def test_a_body_that_can_not_be_read_is_a_400(things: Client) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise RuntimeError(f"no {size} bytes in this chunk")

    environ = {"wsgi.input": Broken(), "wsgi.input_terminated": True}
    answer = things.post("/things", content_type="application/json", environ_overrides=environ)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    assert "chunk" not in answer.text


@pytest.mark.parametrize(
    ("query", "place"),
    [("limit=5&limit=6", "?limit"), ("color=red", "?color"), ("limit=many", "?limit"), ("cursor=%00", "?cursor")],
)
def test_a_query_that_does_not_fit_is_a_422_at_its_parameter(plant: Plant, query: str, place: str) -> None:
    client = plant(list_things='@endpoint("GET", "/things")\ndef list_things(query: PageQuery) -> None: ...')
    answer = client.get(f"/things?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [error["pointer"] for error in answer.json["errors"]] == [place]


def test_where_there_are_no_query_parameters_any_is_refused(plant: Plant) -> None:
    client = plant(read_things='@endpoint("GET", "/things")\ndef read_things() -> None: ...')
    assert client.get("/things?a=1").json["errors"][0]["pointer"] == "?a"


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, identity", "x"])
def test_a_compressed_body_is_a_415(things: Client, coding: str) -> None:
    answer = things.post("/things", data=gzip.compress(b'{"name": "x"}'), headers={**JSON, "Content-Encoding": coding})
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("charset", "status"), [("utf-16", 415), ("latin-1", 415), ("UTF-8", 200), ('"utf-8"', 200)])
def test_json_in_another_charset_is_a_415(things: Client, charset: str, status: int) -> None:
    assert sent(things, '{"name": "x"}', f"application/json; charset={charset}").status_code == status


@pytest.mark.parametrize(("method", "status"), [("PATCH", 200), ("POST", 415)])
def test_a_merge_patch_is_what_a_patch_is(things: Client, method: str, status: int) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    assert things.open("/things", method=method, data='{"name": "x"}', headers=headers).status_code == status


@pytest.mark.parametrize("query", ["q=%ff", "q=a%C3", "q=%ED%A0%80", "%ff=a"])
def test_a_query_that_is_not_utf8_is_a_422(things: Client, query: str) -> None:
    answer = things.get(f"/things?{query}")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "not_utf8")


def test_a_query_may_hold_any_character(things: Client) -> None:
    assert things.get("/things?q=%EF%BF%BD+%F0%9F%98%80").json == {"q": "\ufffd \U0001f600"}


def test_what_a_model_says_of_a_field_is_said_in_its_own_words(things: Client) -> None:
    answer = things.open("/things", method="PATCH", data='{"name": "no"}', headers=JSON)
    assert answer.json["errors"] == [{"pointer": "/name", "code": "value_error", "message": "Choose another name."}]
