"""What the documents say is true: their links lead somewhere and their examples run."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import functions_framework
import pytest

from functions.domain.catalog import bundles
from functions.local.testing.people import Person
from functions.local.testing.stack import Stack

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "llms.txt", *(ROOT / "docs").rglob("*.md")])

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
RUN = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


def test_every_page_can_be_reached_from_the_readme_or_from_llms_txt() -> None:
    found: set[Path] = set()
    waiting = [ROOT / "README.md", ROOT / "llms.txt"]
    while waiting:
        page = waiting.pop().resolve()
        # A link to a folder leads to what lies in it.
        waiting += page.glob("*.md")
        if page not in found and (page.suffix == ".md" or page.name == "llms.txt"):
            found.add(page)
            waiting += [page.parent / link for link in LINK.findall(page.read_text())]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in found] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_examples_compile(page: Path) -> None:
    for example in PYTHON.findall(page.read_text()):
        compile(example, str(page), "exec")


def run_examples(page: Path, instead: dict[str, str], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the marked blocks of a page as one script in a folder, with other addresses and names than the page's."""
    script = "set -euo pipefail\n" + "".join(RUN.findall(page.read_text()))
    for ours, used in instead.items():
        assert ours in script
        script = script.replace(ours, used)
    environment = {"PATH": os.environ["PATH"]}
    command = ["bash", "-c", script]
    return subprocess.run(  # noqa: S603 - our own page
        command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment, check=False
    )


def test_the_journey_of_the_readme_runs(stack: Stack) -> None:
    run = run_examples(ROOT / "README.md", {"http://localhost:8080": f"http://127.0.0.1:{stack.world.ports.user}"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "From nine to five." in run.stdout
    assert '"code": "config_invalid"' in run.stdout


def test_the_page_of_the_broker_does_what_it_says(stack: Stack, person: Callable[..., Person], tmp_path: Path) -> None:
    operator = person(scopes=("user", "broker"))
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "administrator").write_text(operator.password)
    functions = f"http://127.0.0.1:{stack.world.ports.functions}"
    instead = {"http://localhost:8080": functions, "admin@botberi.example": operator.email}
    run = run_examples(ROOT / "docs/services/broker.md", instead, tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [each["known"] for each in answers if "known" in each] == [False, True, False, True, False]
    assert [each["code"] for each in answers if "code" in each] == ["batch_refused"]
    assert len(answers) == 14


def test_the_example_of_an_agent_can_be_published_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = PYTHON.findall((ROOT / "docs/architecture/agents.md").read_text())
    (tmp_path / "main.py").write_text(source)
    bundles.check(bundles.bundle(tmp_path))
    (tmp_path / "config.json").write_text('{"prefix": "> "}')
    monkeypatch.setenv("AGENT_CONFIG", str(tmp_path / "config.json"))
    app = functions_framework.create_app("agent", str(tmp_path / "main.py"), "http")  # type: ignore[no-untyped-call]
    assert app.test_client().post("/", json={"id": "msg_1", "text": "hello"}).get_json() == {"text": "> hello"}
