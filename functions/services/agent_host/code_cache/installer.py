"""What a version requires, installed by uv: wheels from one index, by their hashes. No code of theirs is run for it.

uv itself is kept from everything but the folder that it fills and the index.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import uv

from core.configuration import setting
from functions.services.agent_host.code_cache import confined
from functions.services.agent_host.sandbox.children import ROOT
from functions.services.agent_host.settings import Settings

INDEX: Final = "PACKAGE_INDEX"

OUTPUT_BYTES: Final = 64 * 1024
"""How much of its output is read, from the end."""

LAST_LINES: Final = 12
LINE: Final = 400
"""Characters of a line that are told."""

POLL: Final = 0.2
"""Seconds between two looks at how it goes."""

_TROUBLE: Final = 2
"""uv's exit status when something went wrong that isn't in the requirements, such as an index that doesn't answer."""


_CONFINED: Final = {"ALL_PROXY": confined.PROXY, "PYTHONPATH": str(ROOT)}


class InstallFailed(Exception):
    """The requirements could not be installed; the message and `lines` are for whoever published the version."""

    def __init__(self, message: str, lines: tuple[str, ...] = (), *, again: bool) -> None:
        """`lines` are the installer's last ones; `again` tells whether the same may succeed later."""
        super().__init__(message, *lines)
        self.message = message
        self.lines = lines
        self.again = again


@dataclass(frozen=True)
class Installer:
    """Runs uv within bounds."""

    index: str = ""
    """The URL of the one index (PEP 503), and after spaces those of other servers that have its files.

    Empty: uv's own, which is whatever has a public address.
    """
    seconds: float = 120
    limit_bytes: int = 256 * 1024 * 1024
    """What it may take on disk, its downloads with it."""
    bounded: bool = True
    """Whether uv is kept from what this process may do."""

    @classmethod
    def from_settings(cls) -> "Installer":
        """Return the one that asks the index that `PACKAGE_INDEX` names."""
        return cls(setting(INDEX, ""), bounded=Settings.read().bounded)

    def install(self, requirements: Path, into: Path) -> None:
        """Install a requirements file into an empty folder. What is there after an InstallFailed is worth nothing."""
        with tempfile.TemporaryDirectory(dir=into) as scratch, tempfile.TemporaryFile() as output:
            command = self._command(requirements, into, Path(scratch))
            process = subprocess.Popen(  # noqa: S603 - uv, with paths of ours
                self._confined(command, requirements, into) if self.bounded else command,
                env=_environment(Path(scratch)) | (_CONFINED if self.bounded else {}),
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = self._wait(process, into)
            finally:
                _end(process)
            if status:
                raise InstallFailed(
                    "The requirements can't be installed.", _last_lines(output), again=status == _TROUBLE
                )
        (into / ".lock").unlink(missing_ok=True)

    def _confined(self, command: list[str], requirements: Path, into: Path) -> list[str]:
        return [sys.executable, "-m", confined.__name__, str(into), str(requirements), self.index, *command]

    def _command(self, requirements: Path, into: Path, scratch: Path) -> list[str]:
        return [
            *(uv.find_uv_bin(), "pip", "install", "--python", sys.executable, "--no-config", "--no-python-downloads"),
            *("--target", str(into), "--cache-dir", str(scratch / "cache"), "--link-mode", "copy"),
            *("--require-hashes", "--no-build", "--quiet", "--color", "never"),
            *(("--default-index", self.index.split()[0]) if self.index else ()),
            *("--requirements", str(requirements)),
        ]

    def _wait(self, process: subprocess.Popen[bytes], into: Path) -> int:
        until = time.monotonic() + self.seconds
        while True:
            try:
                return process.wait(POLL)
            except subprocess.TimeoutExpired:
                if time.monotonic() > until:
                    raise InstallFailed(
                        f"Installing the requirements took longer than {self.seconds:g} s.", again=True
                    ) from None
            if _size(into) > self.limit_bytes:
                raise InstallFailed(f"The requirements take more than {self.limit_bytes} bytes.", again=False)


def _environment(scratch: Path) -> dict[str, str]:
    """Return what uv is told: nothing of this process' own, which may name other indexes and hold secrets."""
    return {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "UV_HTTP_RETRIES": "2",
        # Whom the machine trusts: an index of one's own may have a certificate of one's own.
        "UV_SYSTEM_CERTS": "1",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_lines(output: IO[bytes]) -> tuple[str, ...]:
    output.seek(max(0, output.seek(0, os.SEEK_END) - OUTPUT_BYTES))
    lines = [line.rstrip()[:LINE] for line in output.read().decode(errors="replace").splitlines()]
    return tuple(line for line in lines if line)[-LAST_LINES:]


def _size(folder: Path) -> int:
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += (Path(place) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return size
