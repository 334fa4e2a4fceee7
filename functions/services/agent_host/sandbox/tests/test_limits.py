"""Whoever uses more than its share is ended or refused, and the cause says of what."""

import time

import pytest

from functions.services.agent_host.sandbox import process_tree
from functions.services.agent_host.sandbox.exits import ExitCause
from functions.services.agent_host.sandbox.limits import Limits
from functions.services.agent_host.sandbox.tests.conftest import SECONDS, Sandbox, ask, ended
from tools.local.wait import until

MIB = 1024 * 1024

HOLDS = "import time; kept = b'x' * 2**28; time.sleep(1000)"
"""It keeps what it takes, since the host looks only now and then."""


@pytest.mark.parametrize(
    ("greed", "cause"),
    [
        ("kept = [bytearray(b'x' * 2**20) for _ in range(400)]", ExitCause.OUT_OF_MEMORY),
        ("import mmap; m = mmap.mmap(-1, 2**28); m.write(b'x' * 2**28)", ExitCause.OUT_OF_MEMORY),
        (f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {HOLDS!r}])", ExitCause.OUT_OF_MEMORY),
        ("for n in range(20): open(f'f{n}', 'wb').write(bytes(2**20))", ExitCause.DISK_FULL),
        ("files = [open('f', 'wb') for n in range(20)]; os.unlink('f'); files[0].write(bytes(2**25)); files[0].flush()",
         ExitCause.DISK_FULL),
    ],
)  # fmt: skip
def test_too_much_is_the_end(sandbox: Sandbox, greed: str, cause: ExitCause) -> None:
    agent = f"import os, time\n{greed}\ntime.sleep(1000)"
    limits = Limits(memory_bytes=100 * MIB, disk_bytes=10 * MIB)
    child = sandbox.wake("def agent(request):\n    exec(request.get_json(), {})", limits=limits)
    with pytest.raises(OSError, match=r"."):
        ask(child, agent)
    assert ended(child).cause is cause


def test_a_fork_too_many_is_refused_and_the_others_go_on(sandbox: Sandbox) -> None:
    child = sandbox.wake(
        """
        import os, signal, time

        def agent(request):
            pids = []
            try:
                for _ in range(100):
                    pid = os.fork()
                    if not pid:
                        time.sleep(1000)
                    pids.append(pid)
            except BlockingIOError:
                pass
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            return {"started": len(pids)}
    """,
        limits=Limits(processes=20),
    )
    assert 1 <= ask(child)["started"] < 20
    time.sleep(0.2)
    assert 1 <= ask(child)["started"] < 20


def test_threads_are_counted_too(sandbox: Sandbox) -> None:
    child = sandbox.wake(
        """
        import threading

        def agent(request):
            event, started = threading.Event(), 0
            try:
                for started in range(100):
                    threading.Thread(target=event.wait).start()
            except RuntimeError:
                return {"started": started}
            finally:
                event.set()
    """,
        limits=Limits(processes=20),
    )
    assert 1 <= ask(child)["started"] < 20


def test_a_flood_of_lines_is_cut_down_and_said_to_be(sandbox: Sandbox) -> None:
    child = sandbox.wake(
        """
        def agent(request):
            for number in range(2000):
                print(number, "x" * 100)
            return {}
    """,
        limits=Limits(log_bytes_per_second=10_000),
    )
    began = time.monotonic()
    ask(child)
    child.end(60)
    seconds = time.monotonic() - began + 2
    assert sum(len(line.text) for line in sandbox.logged) < 10_000 * seconds
    assert sandbox.logged[-1].stream == "platform"
    assert "lines of stdout were dropped" in sandbox.logged[-1].text


TREE = """
import os, subprocess, sys

SLEEPERS = '''
import os, signal, time
for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(each, signal.SIG_IGN)
for _ in range(5):
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        os.setsid()
        while True:
            time.sleep(1)
'''

def agent(request):
    subprocess.run([sys.executable, "-I", "-c", SLEEPERS], check=True)
    if request.get_json() == "leave":
        os._exit(0)
    return {}
"""


@pytest.mark.parametrize("leaves", [True, False])
def test_processes_with_sessions_of_their_own_end_with_their_child(sandbox: Sandbox, leaves: bool) -> None:
    child = sandbox.wake(TREE)
    if leaves:
        with pytest.raises(OSError, match=r"."):
            ask(child, "leave")
        ended(child)
    else:
        ask(child)
        # Those in between may not have ended yet.
        assert until(lambda: len(process_tree.everywhere(range(child.mark, child.mark + 1))) == 6, seconds=SECONDS)
        child.end(0)
    assert process_tree.everywhere(range(child.mark, child.mark + 1)) == []


def test_processes_end_when_the_spawner_is_killed(sandbox: Sandbox) -> None:
    child = sandbox.wake(TREE)
    ask(child)
    assert sandbox.children._process is not None
    sandbox.children._process.kill()
    ended(child)
    assert process_tree.everywhere(range(child.mark, child.mark + 1)) == []
