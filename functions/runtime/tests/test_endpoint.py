import logging

import pytest
from sqlalchemy import text

from functions.domain import api_errors
from functions.runtime.problems import STATUSES, status_of
from functions.runtime.tests.planting import Plant
from testing.environment import Environment

READ = """
    @endpoint("GET", "/things")
    def read_things() -> None:
"""


def test_a_bug_is_a_500_that_says_nothing_and_a_log_that_says_all(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    answer = plant(read_things=READ + "        raise ZeroDivisionError('the secret of it')").get("/things")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "secret" not in answer.text
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in logged] == ["bug in read_things"]
    assert "ZeroDivisionError: the secret of it" in caplog.text


def test_a_bug_names_the_trace_under_which_it_was_logged(plant: Plant) -> None:
    answer = plant(read_things=READ + "        raise KeyError").get("/things")
    assert answer.json["trace_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("kind", [kind for kind in STATUSES if kind.__module__ == api_errors.__name__])
def test_a_refusal_answers_with_its_kind_s_status_as_a_problem(plant: Plant, kind: type[api_errors.ApiError]) -> None:
    answer = plant(read_things=READ + f"        raise {kind.__name__}").get("/things")
    assert answer.status_code == STATUSES[kind]
    assert answer.mimetype == "application/problem+json"
    assert (answer.json["code"], answer.json["detail"]) == (kind.code, kind.message())


def test_a_refusal_of_one_s_own_answers_as_its_kind_does() -> None:
    class NothingLeft(api_errors.Conflict):
        """There is nothing left."""

    assert (status_of(NothingLeft), NothingLeft.code) == (409, "nothing_left")


def test_what_caused_a_refusal_is_for_the_log_alone(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    client = plant(read_things=READ + "        raise Unavailable from OSError('10.0.0.7 is down')")
    answer = client.get("/things")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "10.0.0.7" not in answer.text
    assert "10.0.0.7 is down" in caplog.text


WRITE = """
    class Sorry(Conflict):
        "Refused."
        commits = {commits}

    @endpoint("POST", "/things", status=204)
    def write_things(db: UserDb) -> None:
        emit(db, AccountRegistered(account_id="{subject}"))
        {end}
"""


@pytest.mark.parametrize(
    ("end", "commits", "kept"),
    [("return", False, 1), ("raise Sorry", False, 0), ("raise ValueError", False, 0), ("raise Sorry", True, 1)],
)
def test_what_a_handler_wrote_is_kept_unless_it_raised(
    plant: Plant, env: Environment, end: str, *, commits: bool, kept: int
) -> None:
    subject = f"{end}, {commits}"
    plant(write_things=WRITE.format(end=end, commits=commits, subject=subject)).post("/things")
    with env.transaction("user_psql", "relay") as db:
        assert db.scalar(text("select count(*) from outbox where subject = :it"), {"it": subject}) == kept


def test_a_trace_goes_on_and_a_broken_one_begins_anew(plant: Plant) -> None:
    client = plant(read_things=READ + "        raise NotFound")
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = client.get("/things", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert answer.json["trace_id"] == trace
    for broken in ("", "00-zz-1-01", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{trace}-b7ad6b7169203331"):
        answer = client.get("/things", headers={"traceparent": broken})
        assert answer.json["trace_id"] not in {trace, "0" * 32}
        assert len(answer.json["trace_id"]) == 32


@pytest.mark.parametrize("caller", ["CatalogReader", "BrokerReader"])
def test_a_change_for_which_somebody_with_a_role_proves_too_little_is_noticed_when_it_is_declared(
    plant: Plant, caller: str
) -> None:
    handler = f'"/things")\ndef {{}}(caller: {caller}) -> None: ...'
    plant(read_things=f'@endpoint("GET", {handler.format("read_things")}')
    with pytest.raises(TypeError, match="proved too little"):
        plant(delete_things=f'@endpoint("DELETE", {handler.format("delete_things")}')


def test_a_parameter_that_nothing_fills_is_noticed_when_the_function_is_declared(plant: Plant) -> None:
    with pytest.raises(TypeError, match="'mystery'"):
        plant(read_things='@endpoint("GET", "/things")\ndef read_things(mystery: int) -> None: ...')
