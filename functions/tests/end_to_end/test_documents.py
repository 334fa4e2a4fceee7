"""What the documents say is true: their links lead somewhere and their examples run."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import uv

from functions.domain.catalog import interfaces
from functions.services.agent_host.code_cache.tests.an_index import an_index
from functions.tests.test_journey import launched
from provisioning.local_settings import ROOT
from shared_psql_models.statuses import Status
from testing.people import Person
from testing.stack import Stack
from tools.documents import Document
from tools.local.ports import free_ports

PAGES = sorted([ROOT / "README.md", ROOT / "llms.txt", *(ROOT / "docs").rglob("*.md")])

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
RUN = re.compile(r"<!-- run(?: and be answered (?P<error>\d{3}))? -->\n```sh\n(?P<script>.*?)```", re.DOTALL)
STATUS = re.compile(r"^HTTP/\S+ ([45]\d\d)", re.MULTILINE)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
TEST = re.compile(r"\[`(test_\w+)`\]\(([^)]+\.py)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_test_that_is_named_is_in_the_file_that_it_leads_to(page: Path) -> None:
    named = TEST.findall(page.read_text())
    assert [test for test, file in named if f"def {test}(" not in (page.parent / file).read_text()] == []


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


SECONDS = 120
"""How long the examples of a page may take, on a busy machine."""


def run_examples(
    page: Path,
    instead: dict[str, str],
    heads: Path,
    folder: Path = ROOT,
    *,
    seconds: int = SECONDS,
    **environment: str,
) -> str:
    """Run the marked blocks of a page as one script in a folder, and return what it prints.

    `instead` has other addresses and names than the page's; `heads` is a file for the heads of the answers. Fails where
    the script does, and where an answer is an API error that its block doesn't announce.
    """
    blocks = list(RUN.finditer(page.read_text()))
    # curl ends well whatever it is answered.
    monitored = 'curl() { local head; head=$(mktemp -p "$HEADS"); command curl -D "$head" "$@"; }\nset -euo pipefail\n'
    # What a page leaves running ends with it.
    monitored += "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
    script = monitored + "".join(f"HEADS={heads}/{place}\n{block['script']}" for place, block in enumerate(blocks))
    for place, _ in enumerate(blocks):
        (heads / str(place)).mkdir(parents=True)
    for ours, used in instead.items():
        assert ours in script
        script = script.replace(ours, used)
    told = {"PATH": os.environ["PATH"], **environment}
    command = ["bash", "-c", script]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, env=told, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    for place, block in enumerate(blocks):
        api_errors = [status for head in (heads / str(place)).iterdir() for status in STATUS.findall(head.read_text())]
        assert api_errors == ([block["error"]] if block["error"] else []), block["script"] + run.stdout
    return run.stdout


@pytest.fixture
def address(stack: Stack) -> Iterator[str]:
    with stack.edge() as address:
        yield address


def documents(printed: str) -> Iterator[Document]:
    """Yield the answers that a page's examples print one after the other, with or without an end of a line between."""
    while printed := printed.lstrip():
        document, end = json.JSONDecoder().raw_decode(printed)
        yield document
        printed = printed[end:]


@pytest.fixture
def instead(stack: Stack, address: str) -> dict[str, str]:
    """What stands for the addresses of `make run` where somebody signs up."""
    return {"http://localhost:8080": address, "http://localhost:1080": f"http://127.0.0.1:{stack.env.ports.mail}"}


def test_the_journey_of_the_readme_runs(instead: dict[str, str], tmp_path: Path) -> None:
    printed = run_examples(ROOT / "README.md", instead, tmp_path)
    # The instance's config, which is printed too, has the text of the reply.
    [run] = [each for each in documents(printed) if "conversation_id" in each]
    assert (run["status"], run["text"]) == ("completed", "From nine to five.")
    assert '"code": "config_invalid"' in printed


@pytest.mark.parametrize(
    ("mark", "path"),
    [("run", "/nowhere"), ("run and be answered 404", "/v1/agents"), ("run and be answered 422", "/no")],
)
def test_an_example_that_is_answered_otherwise_than_its_page_says_is_noticed(
    address: str, tmp_path: Path, mark: str, path: str
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- {mark} -->\n```sh\nlook() {{ curl -sS {address}$1 | cat; }}\nlook {path}\n```\n")
    with pytest.raises(AssertionError, match="look"):
        run_examples(page, {}, tmp_path / "heads")


def test_the_page_of_the_broker_does_what_it_says(
    stack: Stack, address: str, person: Callable[..., Person], tmp_path: Path
) -> None:
    operator = person(scopes=("user", "broker"))
    settings = shlex.join(f"{name}={value}" for name, value in stack.environment.items() if name != "PATH")
    command = f"env {settings} {ROOT / 'botberi'}"
    instead = {"http://localhost:8080": address, "./botberi token": f"echo {operator.token}", "./botberi": command}
    printed = run_examples(ROOT / "docs/services/broker.md", instead, tmp_path / "heads", tmp_path)
    answers = [json.loads(line) for line in printed.splitlines()]
    assert [each["duplicate"] for each in answers if "duplicate" in each] == [False, True, False, True, False]
    assert [each["code"] for each in answers if "code" in each] == ["batch_refused"]
    assert len(answers) == 14


def test_the_page_for_authors_leads_from_a_folder_to_a_version_that_is_yanked(
    stack: Stack, address: str, person: Callable[..., Person], tmp_path: Path
) -> None:
    publisher = person(scopes=("user", "admin"))
    settings = {**stack.environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    told = shlex.join(f"{name}={value}" for name, value in settings.items() if name != "PATH")
    instead = {
        "http://localhost:8080": address,
        "./botberi token": f"echo {publisher.token}",
        "./botberi": f"env {told} {ROOT / 'botberi'}",
        "8100": str(free_ports(1)[0]),
        ".venv/bin/uv": uv.find_uv_bin(),
    }
    with an_index() as index:
        index.add("emoji", {"emoji/__init__.py": ""}, "2.16.0")
        page, environment = ROOT / "docs/how-to/write-and-publish-an-agent.md", {"UV_DEFAULT_INDEX": index.url}
        environment |= {"UV_CACHE_DIR": str(tmp_path / "uv"), "TMPDIR": str(tmp_path)}
        printed = run_examples(page, instead, tmp_path / "heads", tmp_path, seconds=3 * SECONDS, **environment)
    assert '"text":"HELLO!"' in printed
    assert "SyntaxError: expected ':' (helper.py, line 1)" in printed
    assert "--hash=sha256:" in printed
    assert "1.0.0 is published" in printed
    version, said, instance, channel, yanked, *_ = (
        json.loads(line) for line in printed.splitlines() if line.startswith('{"') and '"HELLO!"' not in line
    )
    assert (version["number"], version["channels"]) == ("1.1.0", ["stable"])
    assert (said["text"], instance["config"]) == ("HELLO?!", {"api_key": "********", "ending": "?!"})
    assert (channel["version"], yanked["status"]) == ("1.0.0", "yanked")


def test_the_page_of_the_catalog_moves_a_channel_and_yanks_a_version(
    address: str, person: Callable[..., Person], tmp_path: Path
) -> None:
    publisher = person(scopes=("user", "admin"))
    instead = {"http://localhost:8080": address, "./botberi token": f"echo {publisher.token}"}
    printed = run_examples(ROOT / "docs/architecture/catalog.md", instead, tmp_path / "heads", tmp_path)
    tried, moved, back, moves, yanked, versions, refused, found = map(json.loads, printed.splitlines())
    assert [each["version"] for each in (tried, moved, back)] == ["1.0.0", "1.1.0", "1.0.0"]
    assert (tried["candidate"], back["candidate"]) == ({"version": "1.1.0", "percent": 10}, None)
    assert [each["kind"] for each in moves["items"]] == ["rolled_back", "moved", "moved", "published"]
    assert yanked["status"] == versions["items"][0]["status"] == "yanked"
    assert "It repeats itself." in refused["detail"]
    assert [each["tags"] for each in found["items"]] == [["birds"]]


def test_the_page_of_instances_makes_changes_and_deletes_one(instead: dict[str, str], tmp_path: Path) -> None:
    printed = run_examples(ROOT / "docs/architecture/instances.md", instead, tmp_path / "heads", tmp_path)
    draft, listed, changed, log, *deleted, usage = printed.splitlines()
    assert json.loads(draft)["labels"] == {"team": "support"}
    assert [each["labels"] for each in json.loads(listed)["items"]] == [{"team": "support"}]
    assert (json.loads(changed)["generation"], json.loads(changed)["config"]) == (2, {"prefix": ">> "})
    assert "It is being deleted, as its owner asked." in "".join(deleted)
    assert json.loads(log) == {"items": [], "next_cursor": None}
    assert json.loads(usage)["usage"]["instances"] == {"used": 0, "limit": 50}


def test_the_page_of_accounts_changes_one_approves_a_device_and_makes_an_api_key(
    address: str, person: Callable[..., Person], tmp_path: Path
) -> None:
    ada = person()
    page = ROOT / "docs/architecture/accounts.md"
    printed = run_examples(page, {}, tmp_path / "heads", API=address, TOKEN=ada.token)
    changed, asking, pair, shown = map(json.loads, printed.splitlines())
    assert (asking["client"], pair["token_type"]) == ("build-tool", "Bearer")
    assert (changed["name"], changed["timezone"]) == ("Ann Example", "Europe/Vienna")
    assert shown == changed
    assert changed["id"] == ada.id


def test_the_page_for_administrators_sets_an_instance_apart(
    stack: Stack, address: str, person: Callable[..., Person], tmp_path: Path
) -> None:
    instance = launched(stack, person(), "echo", {})
    page, token = ROOT / "docs/operations/administration.md", person(scopes=("user", "admin")).token
    printed = run_examples(page, {}, tmp_path / "heads", API=address, TOKEN=token, ID=instance.id)
    overview, jobs, why, apart, found, refused, released = map(json.loads, printed.splitlines())
    assert (overview["instances"].keys(), jobs["at_work"] is None) == (set(Status) - {Status.DELETED}, False)
    assert (why["kind"], why["chain"][0]["who"]) == ("instance", instance.owner.id)
    assert apart["quarantine_reason"] == "It sends thousands of mails."
    assert instance.id in {each["id"] for each in found["items"]}
    assert (refused["code"], released["quarantined_at"]) == ("quarantined", None)


PROTOCOLS: Final = {
    "a2a": '"state":"TASK_STATE_COMPLETED"',
    "ag-ui": '"outcome":{"type":"success"}',
    "mcp": '"isError":false',
    "open-responses": '"status":"completed"',
}
"""What the example in curl of each page is answered, among other things, but for white space."""


def test_the_pages_of_protocols_have_an_agent_answer(
    stack: Stack, address: str, person: Callable[..., Person], eventually: Callable[..., object], tmp_path: Path
) -> None:
    ada = person()
    instance = launched(stack, ada, "echo", {})
    eventually(lambda: instance.status == "running")
    for name, answered in PROTOCOLS.items():
        page = ROOT / f"docs/protocols/{name}.md"
        printed = run_examples(page, {}, tmp_path / name, API=address, TOKEN=ada.token, ID=instance.id)
        assert answered in "".join(printed.split()), printed
        assert "hello" in printed, printed


def test_the_interface_on_the_page_of_protocols_can_be_published() -> None:
    [shown] = re.findall(r"```json\n(.*?)```", (ROOT / "docs/protocols/README.md").read_text(), re.DOTALL)
    interfaces.check(json.loads(shown))
