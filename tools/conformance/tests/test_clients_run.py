import sys
from pathlib import Path

from tools.conformance import clients_run
from tools.conformance.environment import CLIENTS
from tools.conformance.results import Result

PROGRAM = """
from reporting import checked

print("hello")
with checked("one"):
    pass
with checked("two"):
    assert not "an answer", "there is one"
with checked("three"):
    pass
"""


def ran(folder: Path, program: str) -> Result:
    (folder / "client.py").write_text(program)
    return clients_run.run("a kit", [sys.executable, folder / "client.py"], {"PYTHONPATH": str(CLIENTS)})


def test_a_check_that_fails_is_told_and_the_others_are_made(tmp_path: Path) -> None:
    assert ran(tmp_path, PROGRAM) == Result("a kit", 2, 3, ["two: AssertionError: there is one"])


def test_a_program_that_breaks_off_is_one_more_that_failed(tmp_path: Path) -> None:
    assert ran(tmp_path, PROGRAM + "raise SystemExit('enough')") == Result(
        "a kit", 2, 4, ["two: AssertionError: there is one", "it ended with code 1: enough"]
    )
