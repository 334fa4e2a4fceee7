"""Children answer, and how they end is told apart."""

import http.client
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.services.agent_host.sandbox.children import Rules
from functions.services.agent_host.sandbox.exits import CannotWake, ExitCause
from functions.services.agent_host.sandbox.limits import Egress, Limits
from functions.services.agent_host.sandbox.tests.conftest import Sandbox, ask

ECHO = """
    import json, os

    def agent(request):
        with open(os.environ["AGENT_CONFIG"]) as file:
            return {"text": json.load(file)["prefix"] + request.get_json()["text"]}
"""


def test_a_child_answers_with_its_config(sandbox: Sandbox) -> None:
    child = sandbox.wake(ECHO, config={"prefix": "> "})
    assert [ask(child, {"text": text}) for text in "ab"] == [{"text": "> a"}, {"text": "> b"}]


def test_a_child_that_is_ended_leaves_nothing(sandbox: Sandbox) -> None:
    child = sandbox.wake(ECHO)
    home = child.home
    assert home.is_dir()
    assert child.end(60).cause is ExitCause.ENDED
    assert not home.exists()
    with pytest.raises(OSError, match=r"."):
        child.connect()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "def fail():\n    raise ValueError('no such thing')\nfail()",
            [
                *('  File "main.py", line 3, in <module>', "    fail()"),
                *('  File "main.py", line 2, in fail', "    raise ValueError('no such thing')"),
                "ValueError: no such thing",
            ],
        ),
        ("def (", ['  File "main.py", line 1', "    def (", "SyntaxError: invalid syntax"]),
    ],
    ids=["an exception", "a syntax error"],
)
def test_an_exception_while_it_is_loaded_is_told_from_the_authors_code_on(
    sandbox: Sandbox, source: str, told: list[str]
) -> None:
    with pytest.raises(CannotWake) as caught:
        sandbox.wake(source)
    assert caught.value.exit.cause is ExitCause.EXCEPTION
    # What newer Pythons underline more of.
    lines = [line for line in caught.value.exit.last_lines if line.strip(" ~^")]
    assert lines == ["Traceback (most recent call last):", *told]


def test_an_end_is_not_told_by_what_was_written_about_something_else(
    sandbox: Sandbox, eventually: Callable[..., Any]
) -> None:
    child = sandbox.wake("""
        import os, sys

        def agent(request):
            if request.get_json()["text"] == "end":
                print("goodbye", file=sys.stderr, flush=True)
                os._exit(1)
            print("Traceback (most recent call last):", file=sys.stderr, flush=True)
            return {}
    """)
    ask(child, {"text": "go on"})
    eventually(lambda: any("Traceback" in line.text for line in sandbox.logged))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(child, {"text": "end"})
    exit_ = child.wait()
    assert (exit_.cause, exit_.code, exit_.last_lines) == (ExitCause.EXITED, 1, ("goodbye",))


@pytest.mark.parametrize(
    ("ending", "cause", "code", "number"),
    [
        ("os._exit(7)", ExitCause.EXITED, 7, None),
        ("sys.exit(1)", ExitCause.EXITED, 1, None),
        ("sys.exit(0)", ExitCause.EXITED, 0, None),
        ("os.kill(os.getpid(), signal.SIGKILL)", ExitCause.SIGNAL, None, signal.SIGKILL),
        ("os.abort()", ExitCause.SIGNAL, None, signal.SIGABRT),
        ("bytearray(2**45)", ExitCause.OUT_OF_MEMORY, 1, None),
    ],
)
def test_ends_are_told_apart(
    sandbox: Sandbox, ending: str, cause: ExitCause, code: int | None, number: int | None
) -> None:
    with pytest.raises(CannotWake) as caught:
        sandbox.wake(f"import os, signal, sys\n{ending}")
    exit_ = caught.value.exit
    assert (exit_.cause, exit_.code, exit_.signal) == (cause, code, number)


def test_an_end_between_calls_is_told(sandbox: Sandbox) -> None:
    child = sandbox.wake("""
        import os, threading

        def agent(request):
            threading.Timer(0.1, os._exit, [3]).start()
            return {}
    """)
    ask(child)
    assert child.wait().cause is ExitCause.EXITED
    assert sandbox.exits["an agent"].code == 3


def test_too_much_processor_time_is_a_cause_of_its_own(sandbox: Sandbox) -> None:
    # It looks for its config, so that it isn't loaded ahead of it, for which there is more time.
    loops = "import os\nopen(os.environ['AGENT_CONFIG']).close()\nwhile True: pass"
    with pytest.raises(CannotWake) as caught:
        sandbox.wake(loops, limits=Limits(cpu_seconds=1))
    assert caught.value.exit.cause is ExitCause.CPU_EXCEEDED


def test_who_is_not_ready_in_time_is_ended(sandbox: Sandbox) -> None:
    with pytest.raises(CannotWake) as caught:
        sandbox.wake("import time\ntime.sleep(1000)", seconds=1)
    assert caught.value.exit.cause is ExitCause.TIMED_OUT


def test_what_it_prints_is_told_line_by_line(sandbox: Sandbox) -> None:
    child = sandbox.wake("""
        import sys

        def agent(request):
            print("one")
            print("two", file=sys.stderr)
            return {}
    """)
    ask(child)
    child.end(60)
    assert {(line.key, line.stream, line.text) for line in sandbox.logged} == {
        ("an agent", "stdout", "one"),
        ("an agent", "stderr", "two"),
    }


def test_a_child_outlives_what_happens_to_others(sandbox: Sandbox) -> None:
    first, second = (sandbox.wake(ECHO, config={"prefix": name}, key=name) for name in "ab")
    first.end(0)
    assert ask(second, {"text": "!"}) == {"text": "b!"}


def test_when_the_spawner_is_killed_nobody_is_left_and_the_next_child_gets_a_new_one(sandbox: Sandbox) -> None:
    child = sandbox.wake(ECHO, config={"prefix": ""})
    assert sandbox.children._process is not None
    sandbox.children._process.kill()
    assert child.wait().cause is ExitCause.ENDED
    assert ask(sandbox.wake(ECHO, config={"prefix": ""}), {"text": "x"}) == {"text": "x"}


@pytest.mark.parametrize("loads", ["", "open(os.environ['AGENT_CONFIG']).close()"], ids=["forked", "loads for itself"])
def test_a_program_that_an_agent_starts_inherits_no_connection(sandbox: Sandbox, loads: str) -> None:
    child = sandbox.wake(f"""
        import os

        {loads}

        def agent(request):
            return {{"text": str([each for each in range(3, 64) if is_inherited(each)])}}

        def is_inherited(file):
            try:
                return os.get_inheritable(file)
            except OSError:
                return False
    """)
    assert ask(child) == {"text": "[]"}


def test_the_end_of_the_spawner_is_seen_whatever_it_has_started(sandbox: Sandbox) -> None:
    # The more a version leaves in its folder, the longer it takes to be removed, which the spawner doesn't wait for.
    sandbox.wake("""
        for number in range(3000):
            open(str(number), "w").close()

        def agent(request):
            return {}
    """)
    host = sandbox.children._host
    assert host is not None
    sandbox.children.close()
    assert host.fileno() == -1


@pytest.mark.parametrize("said", ["b'ready'", "b'rubbish'", "b''"])
def test_who_only_says_that_it_serves_is_ended(sandbox: Sandbox, said: str) -> None:
    # The door is 3, as long as nothing else has been opened.
    with pytest.raises(CannotWake) as caught:
        sandbox.wake(
            f"import os, socket, sys, time\nopen(os.environ['AGENT_CONFIG']).close()\n"
            f"door = socket.socket(fileno=3)\ndoor.send({said})\ndoor.shutdown(socket.SHUT_RDWR)\ntime.sleep(1000)",
            seconds=3,
        )
    assert caught.value.exit.cause is ExitCause.TIMED_OUT


def test_a_storm_of_connects_holds_up_nobody_else(sandbox: Sandbox) -> None:
    storm = sandbox.wake("""
        import socket, threading

        def storm():
            while True:
                try:
                    socket.create_connection(("127.0.0.1", 9))
                except OSError:
                    pass

        def agent(request):
            for _ in range(8):
                threading.Thread(target=storm, daemon=True).start()
            return {}
    """)
    ask(storm)
    for _ in range(3):
        child = sandbox.wake(ECHO, config={"prefix": ""})
        assert ask(child, {"text": "x"}) == {"text": "x"}
        child.end(0)


def test_what_is_left_of_an_earlier_process_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "children" / "left" / "deep"
    left.mkdir(parents=True)
    sandbox = Sandbox(tmp_path, Rules(Egress.NONE))
    sandbox.children.start()
    sandbox.children.close()
    assert not left.exists()


def test_a_folder_that_is_hard_to_remove_is_removed(sandbox: Sandbox) -> None:
    child = sandbox.wake("""
        import os

        def agent(request):
            for _ in range(3000):
                os.mkdir("deeper")
                os.chdir("deeper")
            return {}
    """)
    ask(child)
    child.end(0)
    sandbox.children.close()
    assert [each.name for each in (sandbox.folder / "children").iterdir() if each.name.startswith("gone")] == []
