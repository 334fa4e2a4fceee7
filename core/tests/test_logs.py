"""Log lines can be read by people, and an outage doesn't fill the disk with them."""

import json
import logging
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorSocketConnectError
from pika.exceptions import (
    AMQPConnectionError,
    ConnectionClosedByBroker,
)
from sqlalchemy.exc import OperationalError

from core import context
from core.configuration import MissingSettingError
from core.logs import REPEAT, ForPeople, JsonFormatter, said
from core.postgres.errors import DatabaseError, InterfaceError

ROOT = Path(__file__).resolve().parents[2]

REFUSED = ConnectionRefusedError(111, "Connection refused")
STARTING = {"S": "FATAL", "C": "57P03", "M": "the database system is starting up"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (REFUSED, "[Errno 111] Connection refused"),
        (TimeoutError(), "TimeoutError()"),
        (DatabaseError(STARTING), "the database system is starting up"),
        (OperationalError("select", {}, DatabaseError(STARTING)), "the database system is starting up"),
        (InterfaceError("network error"), "network error"),
        (AMQPConnectionError(AMQPConnectorSocketConnectError(REFUSED)), "[Errno 111] Connection refused"),
        (
            AMQPConnectionError(AMQPConnectionWorkflowFailed([AMQPConnectorSocketConnectError(REFUSED)])),
            "[Errno 111] Connection refused",
        ),
        (ConnectionClosedByBroker(320, "shutdown"), "ConnectionClosedByBroker: (320) 'shutdown'"),
        (MissingSettingError("the secret x is missing"), "the secret x is missing"),
        (KeyError("x"), "KeyError('x')"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_an_error_says_what_is_the_matter(error: Exception, expected: str) -> None:
    assert said(error) == expected


def test_errors_of_every_package_of_this_project_are_sentences() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for package in {*project["tool"]["importlinter"]["root_packages"]} - {"testing"}:
        kind = type("SomeError", (Exception,), {"__module__": f"{package}.errors"})
        assert said(kind("it is missing")) == "it is missing"


class Clocked:
    """A filter with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.filter = ForPeople(lambda: self.now)

    def logs(self, message: str, *args: Any, level: int = logging.WARNING) -> str | None:
        """Return the text that is logged; None if it is left out."""
        record = logging.LogRecord("relay", level, "", 0, message, args, None)
        return record.getMessage() if self.filter.filter(record) else None


def test_of_two_requests_with_one_trace_each_line_tells_which() -> None:
    record = logging.LogRecord("host", logging.INFO, "", 0, "said", (), None)
    chosen = f"00-{'a1' * 16}-{'b2' * 8}-01"
    lines = []
    for _ in range(2):
        with context.entered(context.Context.start(chosen)) as request:
            lines.append(json.loads(JsonFormatter("host").format(record)))
            assert lines[-1]["span_id"] in request.traceparent
    assert {line["trace_id"] for line in lines} == {"a1" * 16}
    assert len({line["span_id"] for line in lines} - {"b2" * 8}) == 2


def test_a_line_is_one_line_whatever_is_said_and_has_its_time_in_utc() -> None:
    forged = 'no\r\n{"level": "info", "message": "all is well"}\u2028\x1b[2J'
    record = logging.LogRecord("host", logging.WARNING, "", 0, "said %s", (forged,), None)
    vars(record)["actor"] = forged
    line = JsonFormatter("host").format(record)
    assert (line.isascii(), line.isprintable(), len(line.splitlines())) == (True, True, 1)
    read = json.loads(line)
    assert (read["level"], read["message"], read["actor"]) == ("warning", f"said {forged}", forged)
    assert datetime.fromisoformat(read["time"]) == datetime.fromtimestamp(int(record.created * 1000) / 1000, UTC)
    assert read.keys() >= {"service", "logger", "trace_id", "span_id"}


def test_errors_among_the_arguments_are_told() -> None:
    assert Clocked().logs("%s can't be asked: %s", "user_psql", DatabaseError(STARTING)) == (
        "user_psql can't be asked: the database system is starting up"
    )


def test_a_warning_is_repeated_now_and_then_and_another_is_told_at_once() -> None:
    clocked = Clocked()
    assert [clocked.logs("away"), clocked.logs("away"), clocked.logs("wrong")] == ["away", None, "wrong"]
    clocked.now = REPEAT
    assert [clocked.logs("away"), clocked.logs("away")] == ["away", None]


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_a_warning_is_told_again_after_something_else_has_happened(level: int) -> None:
    clocked = Clocked()
    told = [clocked.logs("away"), clocked.logs("connected", level=level), clocked.logs("away")]
    assert told == ["away", "connected", "away"]


def test_what_is_no_warning_is_always_told() -> None:
    clocked = Clocked()
    assert [clocked.logs("parked", level=logging.ERROR) for _ in range(2)] == ["parked", "parked"]
