"""What a child prints comes as lines with a level, however it says that."""

import pytest

from functions.services.agent_host.sandbox import log_lines
from functions.services.agent_host.sandbox.log_lines import LINE_BYTES, Lines, LogLine
from functions.services.agent_host.sandbox.tests.conftest import Sandbox, ask


def lines_of(*pieces: bytes, stream: str = "stdout", limit: int = 1 << 20) -> list[LogLine]:
    said: list[LogLine] = []
    lines = Lines("key", stream, limit, said.append)
    for piece in pieces:
        lines.feed(piece)
    lines.end()
    return said


def test_lines_are_put_together_from_what_is_read() -> None:
    said = lines_of(b"one\ntw", b"o\n\nthr", "éé".encode()[:1], "éé".encode()[1:])
    assert [line.text for line in said] == ["one", "two", "", "thréé"]


def test_what_a_long_line_has_beyond_its_limit_is_dropped() -> None:
    cut, after = lines_of(*[b"x" * 1000] * 40, b"\nafter\n")
    assert (len(cut.text), cut.cut) == (LINE_BYTES, True)
    assert (after.text, after.cut) == ("after", False)


def test_empty_lines_are_no_way_around_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "monotonic", lambda: 1.0)
    *kept, told = lines_of(b"\n" * 10_000, limit=64_000)
    assert len(kept) == 1001
    assert (told.stream, told.level) == ("platform", "warning")


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("plain", "info", "plain"),
        ("<3>said", "error", "said"),
        ("<7>said", "debug", "said"),
        ("<9>said", "info", "<9>said"),
        ('{"level": "WARN", "message": "x"}', "warning", '{"level": "WARN", "message": "x"}'),
        ('{"severity": "critical"}', "critical", '{"severity": "critical"}'),
        ('{"level": 30}', "info", '{"level": 30}'),
        ('{"level": "loud"}', "info", '{"level": "loud"}'),
        ('{"level": "err', "info", '{"level": "err'),
        ('{"a":' * 5000, "info", '{"a":' * 3276 + '{"a"'),
    ],
)
def test_a_line_may_tell_its_level(line: str, level: str, text: str) -> None:
    [said] = lines_of(line.encode())
    assert (said.level, said.text) == (level, text)


def test_what_says_nothing_on_stderr_is_an_error() -> None:
    [said] = lines_of(b"oh", stream="stderr")
    assert (said.stream, said.level) == ("stderr", "error")


def test_what_an_agent_logs_has_the_level_of_the_record_on_each_line(sandbox: Sandbox) -> None:
    child = sandbox.wake("""
        import logging, sys
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
        logging.warning("while it is loaded")

        def agent(request):
            logging.info("one")
            try:
                {}["no such key"]
            except KeyError:
                logging.exception("two")
            return {}
    """)
    ask(child)
    child.end(60)
    said = [(line.level, line.text) for line in sandbox.logged]
    assert said[:4] == [
        ("warning", "while it is loaded"),
        ("info", "one"),
        ("error", "two"),
        ("error", "Traceback (most recent call last):"),
    ]
    assert said[-1] == ("error", "KeyError: 'no such key'")


def test_each_child_says_what_its_version_said_while_it_was_loaded(sandbox: Sandbox) -> None:
    code = sandbox.code("""
        import os, sys
        print("loaded")
        print("and more", file=sys.stderr)
        loaded_by = os.getpid()

        def agent(request):
            return {"own": loaded_by == os.getpid()}
    """)
    children = [sandbox.wake(code, key=key) for key in "ab"]
    assert [ask(child) for child in children] == [{"own": False}, {"own": False}]
    for child in children:
        child.end(60)
    assert {(line.key, line.stream, line.text) for line in sandbox.logged} == {
        (key, *said) for key in "ab" for said in (("stdout", "loaded"), ("stderr", "and more"))
    }
