"""`botberi why` says the same as the API, to whoever has the secrets."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from cli.__main__ import botberi
from core.ids import new_id
from testing.launches import Launched


def test_it_tells_what_happened_where_it_waits_and_what_to_do(launch: Callable[..., Launched]) -> None:
    instance = launch()
    instance.put(due_at="now() - interval '1 minute'")
    ran = CliRunner().invoke(botberi, ["why", instance.id])
    assert ran.exit_code == 0, ran.output
    assert instance.owner.id in ran.output
    assert f"instance {instance.id}: worker_stopped" in ran.output
    assert "to do  Start a Celery worker" in ran.output


def test_an_event_is_followed_too(launch: Callable[..., Launched]) -> None:
    event_id = launch().history()[-1]["id"]
    ran = CliRunner().invoke(botberi, ["why", event_id])
    assert f"event {event_id}: relay_" in ran.output


@pytest.mark.usefixtures("env")
def test_of_what_is_unknown_or_no_id_it_says_so() -> None:
    unknown = CliRunner().invoke(botberi, ["why", new_id("run")])
    assert "Nothing is known of this id" in unknown.output, unknown.exception
    assert unknown.exit_code == 1
    assert "is no id of" in CliRunner().invoke(botberi, ["why", "agt_1"]).output
