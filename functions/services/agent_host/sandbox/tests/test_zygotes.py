"""Children of one version are forked from a process that has loaded it, unless that could be noticed."""

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from functions.services.agent_host.sandbox import process_tree
from functions.services.agent_host.sandbox.children import Rules
from functions.services.agent_host.sandbox.exits import CannotWake, ExitCause
from functions.services.agent_host.sandbox.limits import Egress
from functions.services.agent_host.sandbox.tests.conftest import Sandbox, ask

LOADED = """
    import os, sys, threading, uuid
    {}
    loaded = str(uuid.uuid4())

    def agent(request):
        with open(os.environ["AGENT_CONFIG"]) as file:
            return {{"loaded": loaded, "config": file.read(), "home": os.getcwd()}}
"""


def twice(sandbox: Sandbox, loading: str = "") -> list[Any]:
    code = sandbox.code(LOADED.format(loading))
    return [ask(sandbox.wake(code, config=number)) for number in (1, 2)]


def test_a_version_is_loaded_once_for_all_its_children(sandbox: Sandbox) -> None:
    first, second = twice(sandbox)
    assert first["loaded"] == second["loaded"]
    assert (first["config"], second["config"]) == ("1", "2")
    assert first["home"] != second["home"]


def test_children_that_are_woken_at_once_are_all_forked_from_what_is_loaded(sandbox: Sandbox) -> None:
    code = sandbox.code(LOADED.format(""))
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda number: ask(sandbox.wake(code, config=number)), range(1, 25)))
    assert len({each["loaded"] for each in told}) == 1
    assert [each["config"] for each in told] == [str(number) for number in range(1, 25)]


def test_a_version_is_behind_a_boundary_before_its_code_is_loaded(
    make: Callable[[Rules], Sandbox], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("hunter2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        # Also where those who are forked from it may connect to everything.
        sandbox = make(Rules(Egress.ALL))
        code = sandbox.code(f"""
            import os, socket

            def tried(attempt):
                try:
                    attempt()
                except PermissionError:
                    return "refused"
                return "let through"

            def connect():
                socket.create_connection({server.getsockname()!r}).close()

            loader = os.getpid()
            found = [
                tried(connect),
                tried(lambda: open({str(tmp_path / "secret")!r})),
                tried(lambda: os.listdir("/proc")),
                tried(lambda: os.kill(os.getppid(), 0)),
            ]

            def agent(request):
                return {{"found": found, "was forked": loader != os.getpid(), "now": tried(connect)}}
        """)
        assert ask(sandbox.wake(code)) == {"found": ["refused"] * 4, "was forked": True, "now": "let through"}


@pytest.mark.parametrize(
    "loading",
    [
        "config = open(os.environ['AGENT_CONFIG']).read()",
        "config = open(os.environ.get('AGENT_CONFIG', os.devnull)).read()",
        "config = 'AGENT_CONFIG' in os.environ and open(os.environ['AGENT_CONFIG']).read()",
        "threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import socket; pair = socket.socketpair()",
        "import mmap; shared = mmap.mmap(-1, 4096)",
        "pid = os.fork()\n    if not pid:\n        import time; time.sleep(1000)",
    ],
)
def test_whose_children_would_share_more_than_its_code_are_loaded_each(sandbox: Sandbox, loading: str) -> None:
    first, second = twice(sandbox, loading)
    assert first["loaded"] != second["loaded"]
    assert (first["config"], second["config"]) == ("1", "2")


def test_what_fails_while_it_is_loaded_is_told_of_the_child(sandbox: Sandbox) -> None:
    code = sandbox.code("import no_such_module")
    for _ in range(2):
        with pytest.raises(CannotWake) as caught:
            sandbox.wake(code)
        assert caught.value.exit.cause is ExitCause.EXCEPTION
        assert caught.value.exit.last_lines[-1] == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_child_can_not_see_others_of_its_version(sandbox: Sandbox) -> None:
    code = sandbox.code("""
        import os

        def agent(request):
            home, pid = request.get_json()
            found = []
            for attempt in (
                lambda: os.listdir(home),
                lambda: open(f"{home}/config.json").read(),
                lambda: open(f"{home}/planted", "w"),
                lambda: os.listdir(f"{home}/.."),
                lambda: os.listdir(f"/proc/{pid}"),
                lambda: os.kill(pid, 0),
                lambda: os.kill(os.getppid(), 0),
            ):
                try:
                    attempt()
                except PermissionError:
                    found.append("refused")
                else:
                    found.append("let through")
            return {"found": found}
    """)
    first, second = sandbox.wake(code, key="first"), sandbox.wake(code, key="second")
    pid = process_tree.everywhere(range(first.mark, first.mark + 1))[0]
    assert ask(second, [str(first.home), pid])["found"] == ["refused"] * 7


def test_when_a_zygote_is_killed_its_children_go_on_and_more_come(sandbox: Sandbox) -> None:
    code = sandbox.code(LOADED.format(""))
    child = sandbox.wake(code)
    before = ask(child)
    mark = sandbox.children._zygotes[code.digest].mark
    for pid in process_tree.everywhere(range(mark, mark + 1)):
        os.kill(pid, signal.SIGKILL)
    assert ask(child) == before
    # One may have been forked ahead of it.
    loaded = [ask(sandbox.wake(code))["loaded"] for _ in range(3)]
    assert loaded[-1] != before["loaded"]


def test_what_a_zygote_has_written_goes_with_it(sandbox: Sandbox, eventually: Callable[..., Any]) -> None:
    code = sandbox.code(LOADED.format("open('written', 'w').write('much')"))
    child = sandbox.wake(code)
    zygote = sandbox.children._zygotes[code.digest]
    assert (zygote.home / "written").exists()
    for pid in process_tree.everywhere(range(zygote.mark, zygote.mark + 1)):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(each.name.isdigit() for each in zygote.home.parent.iterdir()))
    assert child.home.exists()


def test_a_version_that_takes_over_its_zygote_harms_its_own_children_alone(sandbox: Sandbox) -> None:
    hostile = sandbox.code(
        """
        import os, sys

        if "functions" not in sys.argv[0]:
            for number in range(3, 20):
                try:
                    os.write(number, b'{"kind": "Here", "mark": 1}')
                    os.write(number, b"x" * 100_000)
                except OSError:
                    pass
        """,
        "hostile",
    )
    good = sandbox.wake(LOADED.format(""))
    with pytest.raises(CannotWake):
        sandbox.wake(hostile)
    assert ask(good)["config"] == "{}"
