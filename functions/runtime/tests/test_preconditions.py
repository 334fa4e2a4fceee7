import pytest

from functions.runtime.tests.planting import Client, Plant

THING = """
    class Thing(Reply):
        version: int

        def etag(self) -> str:
            return str(self.version)
"""

READ = (
    THING
    + """
    @endpoint("GET", "/things")
    def read_thing() -> Thing:
        return Thing(version=2)
"""
)

WRITE = (
    THING
    + """
    @endpoint("PATCH", "/things")
    def write_thing(version: IfMatch) -> Thing:
        if "2" not in version:
            raise PreconditionFailed
        return Thing(version=3)
"""
)


@pytest.fixture
def things(plant: Plant) -> Client:
    return plant(read_thing=READ, write_thing=WRITE)


def test_what_can_change_has_an_etag_and_is_asked_for_again(things: Client) -> None:
    answer = things.get("/things")
    assert (answer.headers["ETag"], answer.headers["Cache-Control"]) == ('"2"', "no-cache")


@pytest.mark.parametrize("header", ['"2"', 'W/"2"', '"1", "2"', "*"])
def test_who_has_it_already_gets_a_304_without_a_body(things: Client, header: str) -> None:
    answer = things.get("/things", headers={"If-None-Match": header})
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", '"2"')


def test_who_has_an_older_one_gets_the_present_one(things: Client) -> None:
    assert things.get("/things", headers={"If-None-Match": '"1"'}).json == {"version": 2}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"If-Match": '"2"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"1", "2"'}, 200),
        ({"If-Match": '"1"'}, 412),
        # Only the same bytes are what was matched, and of a weak tag nobody knows.
        ({"If-Match": 'W/"2"'}, 412),
        ({"If-Match": '"2"', "If-None-Match": '"2"'}, 304),
        ({"If-Match": '"1"', "If-None-Match": '"2"'}, 412),
        ({"If-Match": '"2"', "If-None-Match": '"1"'}, 200),
    ],
)
def test_a_reader_s_conditions_hold_in_their_order(
    things: Client, method: str, sent: dict[str, str], status: int
) -> None:
    assert things.open("/things", method=method, headers=sent).status_code == status


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since", "Range"])
def test_a_reader_s_other_conditions_are_passed_over(things: Client, header: str) -> None:
    assert things.get("/things", headers={header: '"1"'}).status_code == 200


def test_a_change_without_if_match_is_a_428(things: Client) -> None:
    answer = things.open("/things", method="PATCH")
    assert (answer.status_code, answer.json["code"]) == (428, "precondition_required")


@pytest.mark.parametrize("header", ['"1"', "", '""', '"2x"', 'W/"2"', '"1", "3"'])
def test_a_change_of_an_older_state_is_a_412(things: Client, header: str) -> None:
    answer = things.open("/things", method="PATCH", headers={"If-Match": header})
    assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")


def test_a_change_of_the_present_state_is_made_and_has_its_own_etag(things: Client) -> None:
    for header in ('"2"', '"1", "2"', "*"):
        answer = things.open("/things", method="PATCH", headers={"If-Match": header})
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"3"')


@pytest.mark.parametrize(("header", "status"), [("*", 412), ('"2"', 412), ('W/"2"', 412), ('"1"', 200)])
def test_a_change_of_any_state_but_some_is_one_too(things: Client, header: str, status: int) -> None:
    sent = {"If-Match": "*", "If-None-Match": header}
    assert things.open("/things", method="PATCH", headers=sent).status_code == status
