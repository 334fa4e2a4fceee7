"""MCP 2026-07-28: the official kit, all of its scenarios, and the official client in Python."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.conformance import clients_run, proxy
from tools.conformance.environment import CLIENTS, PACKAGES, PYTHON, Environment, node
from tools.conformance.results import Result

VERSION: Final = "2026-07-28"

AGENT: Final = "mcp-showcase"

_KIT: Final = PACKAGES / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"

_SCENARIO: Final = re.compile(
    r"^(?P<mark>[✓✗⚠]) (?P<name>[\w-]+): (?P<passed>\d+) passed, (?P<failed>\d+) failed", re.MULTILINE
)


def checked(env: Environment) -> Iterator[Result]:
    """Yield what the kit and the client have found."""
    instance = env.launched(AGENT)
    path = f"/v1/instances/{instance}/mcp"
    told = {"ADDRESS": env.address, "INSTANCE": instance, "TOKEN": env.bearer, "OTHER": env.token("usr_other")}
    yield clients_run.run("mcp 2.3.0", [PYTHON, CLIENTS / "mcp_client.py"], told)
    yield clients_run.snippet("docs/protocols/mcp.md", [PYTHON, "-"], told, says="Hello, World!")
    # Last, since it gives some answers half a second, which an agent that is asleep doesn't always keep.
    with proxy.adding_token(env.address, lambda: env.bearer) as through:
        yield _kit(through + path)


def _kit(url: str) -> Result:
    """Run the kit, and count its checks. Scenarios that it doesn't score count too."""
    with tempfile.TemporaryDirectory(prefix="botberi-conformance-") as folder:
        command = [str(node()), str(_KIT), "server", "--url", url, "--requirements", VERSION, "-o", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        scenarios = list(_SCENARIO.finditer(done.stdout))
        wrong = [_why(each["name"], Path(folder)) for each in scenarios if int(each["failed"])]
    if not scenarios:
        wrong.append(f"it said nothing of scenarios: {(done.stdout + done.stderr)[-500:]}")
    passed, failed = (sum(int(each[kind]) for each in scenarios) for kind in ("passed", "failed"))
    return Result(f"MCP kit {VERSION}, {len(scenarios)} scenarios", passed, passed + failed, wrong)


def _why(scenario: str, folder: Path) -> str:
    """Return which checks of a scenario failed, as the kit says it."""
    checks = [
        check
        for file in folder.glob(f"*{scenario}*/checks.json")
        for check in json.loads(file.read_text(encoding="utf-8"))
        if check["status"] == "FAILURE"
    ]
    return f"{scenario}: " + "; ".join(f"{each['id']}: {each.get('errorMessage')}" for each in checks)
