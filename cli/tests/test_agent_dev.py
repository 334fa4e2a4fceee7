"""`botberi agents dev`, as authors use it: at a terminal, with an editor and curl beside it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core import http_client
from functions.services.agent_host.code_cache.tests.an_index import an_index
from provisioning.local_settings import ROOT
from tools.local.ports import free_ports
from tools.local.wait import until

SECONDS = 120
"""More than anything takes on a slow machine."""

AGENT = """
import json, os

def agent(request):
    with open(os.environ["AGENT_CONFIG"]) as file:
        config = json.load(file)
    text = request.get_json()["text"]
    print("asked", config)
    if text == "fail":
        raise ValueError("no verse")
    if text == "spy":
        open("/etc/passwd").close()
    return {"text": text + config.get("ending", "!")}
"""


class Dev:
    """The command at a terminal of its own."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        [self.port] = free_ports(1)
        self.terminal, theirs = os.openpty()
        self.written = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", "agents", "dev", str(folder), "--port", str(self.port), *options],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        # A terminal whose other end is closed is an error here.
        while data := _read(self.terminal):
            self.written += data.decode(errors="replace")

    def until(self, *words: str, after: int = 0) -> int:
        """Wait until these words were written, one after the other; return where they end."""
        for word in words:
            found = until(partial(self._end_of, word, after), seconds=SECONDS)
            assert found, f"{word!r} is not in {self.written[after:]}"
            after = found
        return after

    def _end_of(self, word: str, after: int) -> int:
        at = self.written.find(word, after)
        return 0 if at < 0 else at + len(word)

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def post(self, text: str) -> tuple[int, Any]:
        body, headers = json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
        address = f"http://127.0.0.1:{self.port}/"
        answer = http_client.request("POST", address, seconds=SECONDS, body=body, headers=headers)
        return answer.status, json.loads(answer.body)

    def end(self) -> int:
        """End its input, as Ctrl-D does; return its exit code."""
        self.type("\x04")
        try:
            return self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.reader.join()
            os.close(self.terminal)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "poet"
    folder.mkdir()
    (folder / "main.py").write_text(AGENT)
    return folder


@pytest.fixture
def dev(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    """`dev(*options, **environment)` runs the command on the folder."""
    started: list[Dev] = []

    def run(*options: str, **environment: str) -> Dev:
        started.append(Dev(folder, *options, XDG_CACHE_HOME=str(tmp_path / "cache"), **environment))
        return started[-1]

    yield run
    for each in started:
        if each.process.poll() is None:
            each.end()


def test_an_agent_answers_at_the_terminal_and_by_http_and_anew_after_each_change(
    dev: Callable[..., Dev], folder: Path
) -> None:
    poet = dev()
    at = poet.until("poet answers: a file", "agent.json is missing")
    poet.type("hello\n")
    # What the agent prints and what it answers come by two ways, so that either may be first.
    at = max(poet.until(words, after=at) for words in ("| asked {}", "hello!"))
    status, answer = poet.post("by HTTP")
    assert (status, answer["text"], answer["id"][:4]) == (200, "by HTTP!", "msg_")

    (folder / "main.py").write_text("def agent(request)\n")
    at = poet.until("main.py changed", "and what was there before goes on", "expected ':' (line 1)", after=at)
    assert poet.post("still")[1]["text"] == "still!"

    (folder / "main.py").write_text(AGENT.replace('"!"', '"?"'))
    (folder / "agent.json").write_text('{"name": "Poet", "summary": "In verse.", "version": "1.0"}')
    poet.until("poet answers", "agent.json: version: Say here which version", after=at)
    assert poet.post("new")[1]["text"] == "new?"
    assert poet.end() == 0


ASKS = """
import json, urllib.error, urllib.request

def remember(memory, method, value=None):
    headers = {"Authorization": f"Bearer {memory['token']}"}
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(memory["url"] + "/name", body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code

def agent(request):
    message = request.get_json()
    if "answer" in message:
        remember(message["memory"], "PUT", message["answer"]["value"])
        yield "Noted. "
        yield remember(message["memory"], "GET")
        remember(message["memory"], "DELETE")
        yield f" {remember(message['memory'], 'GET')}"
    else:
        yield {"type": "status", "text": "wondering"}
        yield {"type": "input", "text": "What is your name?", "schema": {"type": "string"}}
"""


def test_each_event_is_shown_and_the_next_line_answers_a_question(dev: Callable[..., Dev], folder: Path) -> None:
    (folder / "main.py").write_text(ASKS)
    poet = dev()
    at = poet.until("poet answers")
    poet.type("hello\n")
    at = poet.until('status: {"text": "wondering"}', "What is your name?", after=at)
    poet.type("Ada\n")
    at = poet.until('Noted. "Ada" 404', after=at)
    assert poet.post("hello")[1]["text"] == "What is your name?"
    poet.type("again\n")
    poet.until("What is your name?", after=at)


def test_what_goes_wrong_is_said_with_its_place_in_the_folder(dev: Callable[..., Dev], folder: Path) -> None:
    poet = dev()
    poet.until("poet answers")
    status, problem = poet.post("fail")
    assert (status, problem["code"]) == (502, "agent_failed")
    at = poet.until(f'File "{folder}/main.py", line 10', "The agent failed: ValueError: no verse (main.py, line 10)")
    assert poet.post("spy")[0] == 502
    at = poet.until("The agent failed: PermissionError", "(main.py, line 12)", after=at)

    (folder / "main.py").write_text("import helper\n\ndef agent(request):\n    return {}\n")
    (folder / "helper.py").write_text("SIZE = 1\nRATIO = SIZE / 0\n")
    at = poet.until(
        "didn't start: it raised an exception: ZeroDivisionError: division by zero (helper.py, line 2)", after=at
    )
    (folder / "helper.py").write_text("")
    poet.until("poet answers: 2 files", after=at)
    assert poet.post("x")[1]["code"] == "agent_response_invalid"
    assert poet.post("")[1]["errors"][0]["pointer"] == "/text"


def test_the_config_is_checked_and_a_secret_is_read_and_not_shown(
    dev: Callable[..., Dev], folder: Path, tmp_path: Path
) -> None:
    properties = {"ending": {"type": "string", "default": "."}, "key": {"type": "string", "writeOnly": True}}
    schema = {"type": "object", "properties": properties, "required": ["key"], "additionalProperties": False}
    (folder / "config_schema.json").write_text(json.dumps(schema))
    config, secrets = tmp_path / "config.json", folder / "secrets.json"
    config.write_text('{"prefix": 1}')
    secrets.write_text('{"key": "hunter2"}')
    poet = dev("--config", str(config), "--secrets", str(secrets))
    at = poet.until("can't be published", "give the file a name that begins with a dot, such as .secrets.json")
    assert poet.post("too early")[1]["code"] == "agent_unavailable"
    (folder / "main.py").touch()
    secrets.rename(tmp_path / "secrets.json")
    secrets.symlink_to(tmp_path / "secrets.json")
    at = poet.until("config: /prefix: There is no such setting.", after=at)
    config.write_text("{}")
    at = poet.until("poet answers", after=at)
    assert poet.post("hello")[1]["text"] == "hello."
    poet.until("| asked {'key': '********', 'ending': '.'}", after=at)
    assert "hunter2" not in poet.written


def test_what_it_requires_is_installed_by_its_hashes_and_kept(dev: Callable[..., Dev], folder: Path) -> None:
    with an_index() as index:
        line = index.add("loud", {"loud.py": "def said(text):\n    return text.upper()\n"})
        (folder / "main.py").write_text(
            "import loud\n\ndef agent(request):\n    return {'text': loud.said(request.get_json()['text'])}\n"
        )
        (folder / "requirements.txt").write_text("loud\n")
        poet = dev(PACKAGE_INDEX=index.url)
        at = poet.until("requirements.txt, line 1: loud is not held to one version")
        (folder / "requirements.txt").write_text("loud==1.0 --hash=sha256:" + "0" * 64)
        at = poet.until("requirements.txt changed", "The requirements can't be installed", "Hash mismatch", after=at)
        (folder / "requirements.txt").write_text(line)
        poet.until("poet answers: 2 files", after=at)
        assert poet.post("hello")[1]["text"] == "HELLO"
        poet.end()
        asked = len(index.asked)
        again = dev(PACKAGE_INDEX=index.url)
        again.until("poet answers: 2 files")
        assert len(index.asked) == asked


def test_without_its_boundary_it_may_do_what_its_author_may(dev: Callable[..., Dev], folder: Path) -> None:
    poet = dev("--no-sandbox")
    poet.until("poet answers")
    assert poet.post("spy")[1]["text"] == "spy!"
    other = Dev(folder, "--port", str(poet.port))
    other.until(f"port {poet.port}", "Choose another by --port")
    assert other.end() == 1
