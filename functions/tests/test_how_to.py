"""Each page that tells how to add something is followed, line by line, in a copy of the repository."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from provisioning.local_settings import ROOT
from testing.environment import Environment

FOLDER: Final = ROOT / "docs" / "how-to"

STEP: Final = re.compile(r"<!-- (run|change|file|append to)(?: (\S+))? -->\n```\w+\n(.*?)```", re.DOTALL)

PAGES: Final = ("add-an-endpoint", "add-an-event", "add-a-migration", "add-a-driver", "release")

ELSEWHERE: Final = ("show-an-agent-in-a-page", "write-and-publish-an-agent")
"""What changes no repository, and is followed where everything runs, from end to end."""


LINT: Final = "make lint\n"
"""Takes long, so that it is run once, when all pages were followed."""


class Copy:
    """A copy of the repository, with the packages of this one, in which a page's steps are taken."""

    def __init__(self, folder: Path, shared: str) -> None:
        """Make it in a folder that isn't there; `shared` has tests in it run on the services of another run."""
        self.folder = folder
        self._followed: dict[str, AssertionError | None] = {}
        passed = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        author = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.environment = passed | author | {"PYTEST_ADDOPTS": f"{shared} -p no:cacheprovider"}
        # With what was compiled already: it is found by the time of its source, which a copy keeps.
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", ".venv", ".local", "build"))
        (folder / ".venv").symlink_to(ROOT / ".venv")
        # The packages are there already.
        (folder / "tools/local/bootstrap.sh").write_text("#!/bin/sh\n")
        self._git("init", "--quiet", "--initial-branch", "main")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", "A copy", "--no-verify")

    def _git(self, *arguments: str) -> None:
        self._run(["git", *arguments])

    def _run(self, command: list[str], text: str = "") -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"

    def follow(self, page: str) -> None:
        """Take the steps of a page, once, but for `make lint`. Fails where one of its commands does."""
        if page not in self._followed:
            self._followed[page] = None
            try:
                self._follow(FOLDER / f"{page}.md")
            except AssertionError as error:
                self._followed[page] = error
        failed = self._followed[page]
        if failed is not None:
            raise failed

    def _follow(self, page: Path) -> None:
        steps = STEP.findall(page.read_text(encoding="utf-8"))
        assert steps, page
        for kind, name, text in steps:
            self._take(kind, self.folder / name, text.replace(LINT, ""))

    def lint(self) -> None:
        """Run what the pages run each. Fails where it does."""
        self._run(["make", "lint"])

    def _take(self, kind: str, file: Path, text: str) -> None:
        match kind:
            case "file":
                assert not file.exists(), file
                file.write_text(text, encoding="utf-8")
            case "append to":
                file.write_text(file.read_text(encoding="utf-8") + "\n\n" + text, encoding="utf-8")
            case "change":
                self._run(["git", "apply"], text)
            case _:
                self._run(["bash", "-euo", "pipefail"], text)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str, worker_id: str, env: Environment) -> Copy:
    """Give one copy for all pages, which may be followed one after the other in any order."""
    # Tests in it are in no worker of a number, and so in the way of those alone that are in none either.
    shared = f"--testrunuid {testrun_uid}" if worker_id != "master" else ""
    return Copy(tmp_path_factory.mktemp("how-to") / "copy", shared)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_followed_leads_to_where_it_says(page: str, repository: Copy) -> None:
    repository.follow(page)


def test_what_all_of_them_lead_to_is_clean(repository: Copy) -> None:
    for page in PAGES:
        repository.follow(page)
    repository.lint()


def test_every_page_is_followed() -> None:
    assert {page.stem for page in FOLDER.glob("*.md")} == {*PAGES, *ELSEWHERE, "README"}
