from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning import seed
from testing.stack import Stack
from tools.local import demo
from tools.local.errors import LocalError
from tools.local.ports import free_ports
from tools.local.transcript import Transcript


@pytest.fixture
def edge(stack: Stack) -> Iterator[str]:
    with stack.edge() as address:
        yield address


@pytest.fixture(scope="module")
def keeper(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, far from any run's, that keeps the password of an administrator."""
    folder = tmp_path_factory.mktemp("keeper")
    assert seed.administrator(folder / "administrator")
    return folder


@pytest.mark.parametrize("caught", [True, False], ids=["where mails are caught", "where they are sent"])
def test_the_demonstration_comes_to_its_end_wherever_it_is_aimed_and_shows_no_secret(
    stack: Stack, edge: str, keeper: Path, capsys: pytest.CaptureFixture[str], caught: bool
) -> None:
    mails = ["--mails", f"http://127.0.0.1:{stack.env.ports.mail}"] if caught else []
    demo.main(["--api", edge, "--secrets", str(keeper), *mails])
    told = capsys.readouterr().out
    assert "code: email_unverified" in told
    assert ("the administrator launches in their place" in told) is not caught
    assert "You said: Hello, world" in told
    assert "Follow the link below the log-in form." in told
    assert "CAN YOU HEAR ME!" in told
    assert "  < com.botberi.instance.status_changed.v1  status: running" in told
    assert told.endswith(f"All of it went as it should at {edge}.\n")
    assert (keeper / "administrator").read_text().strip() not in told


def test_in_short_nothing_but_the_chapters_is_told(edge: str, capsys: pytest.CaptureFixture[str]) -> None:
    it = Transcript(edge, brief=True)
    it.chapter("Browse")
    it.say("Agents are public.")
    assert it.ask("GET", "/v1/agents", expect=200).body["items"]
    assert capsys.readouterr().out == "\n== Browse\n"


def test_without_a_run_the_demonstration_says_how_to_start_one() -> None:
    [nobody] = free_ports(1)
    with pytest.raises(LocalError, match="start `make run`"):
        Transcript(f"http://localhost:{nobody}").ask("GET", "/v1/agents", expect=200)


@pytest.mark.parametrize("address", ["localhost:8080", "ftp://localhost", "https://", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(LocalError, match="is not an address"):
        Transcript(address)


def test_a_folder_without_the_password_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=str(tmp_path)):
        demo.main(["--secrets", str(tmp_path)])
    assert capsys.readouterr().out == ""
