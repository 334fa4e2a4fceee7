"""The container engine, through its command line; as a program it ends with 0 when there is one, or says why not."""

import json
import subprocess
import sys
from collections.abc import Mapping

from tools.documents import Document
from tools.local.servers import binaries


def why_not() -> str | None:
    """Return why there is no engine with Compose to work with, or None when there is one."""
    program = binaries.installed("docker")
    if program is None:
        return "a container engine is needed, and `docker` is not installed: see docs/operations/compose.md"
    engine = str(program)
    for command, missing in (
        ([engine, "info"], "the container engine doesn't run, or you may not use it: see `docker info`"),
        ([engine, "compose", "version"], "the container engine has no Compose"),
    ):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return missing
    return None


def docker(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run docker and return what it writes to standard output; raises CalledProcessError."""
    command = [str(binaries.find("docker")), *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def inspected(*names: str) -> list[Document]:
    """Return what the engine knows of some images or containers."""
    found: list[Document] = json.loads(docker("inspect", *names))
    return found


if __name__ == "__main__":
    sys.exit(why_not())
