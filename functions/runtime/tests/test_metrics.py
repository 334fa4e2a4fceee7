from functions.runtime.metrics import Responses
from functions.runtime.tests.planting import Plant


def test_answers_are_counted_by_function_and_status() -> None:
    responses = Responses()
    for status in (200, 200, 404):
        responses.observe("login", status, 0.01)
    assert 'botberi_function_responses_total{function="login",status="200"} 2' in responses.text()
    assert 'botberi_function_responses_total{function="login",status="404"} 1' in responses.text()


def test_each_bucket_counts_what_took_no_longer() -> None:
    responses = Responses()
    for seconds in (0.001, 0.005, 0.3, 60):
        responses.observe("login", 200, seconds)
    counts = {bound: f'_bucket{{function="login",le="{bound}"}} {n}' for bound, n in COUNTS.items()}
    assert [bound for bound, line in counts.items() if line not in responses.text()] == []
    assert 'botberi_function_seconds_sum{function="login"} 60.306' in responses.text()


COUNTS = {"0.005": 2, "0.25": 2, "0.5": 3, "10.0": 3, "+Inf": 4}


def test_the_host_shows_what_its_functions_answered(plant: Plant) -> None:
    client = plant(count_thing='@endpoint("GET", "/things/{name}")\ndef count_thing(name: str) -> None: ...')
    client.get("/things/a")
    answer = client.get("/_/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'botberi_function_seconds_count{function="count_thing"} 1' in answer.text
