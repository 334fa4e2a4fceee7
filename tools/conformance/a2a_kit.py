"""A2A's kit, a2aproject/a2a-tck, of the version for 1.0: both bindings of an agent that does what it expects."""

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Final

from functions.domain.catalog import samples
from functions.runtime.databases import shared_transaction
from tools.conformance import proxy
from tools.conformance.environment import PACKAGES, PYTHON, Environment
from tools.conformance.results import Result
from tools.conformance.talking import AGENTS

NAME: Final = "A2A kit 1.0"

AGENT: Final = "a2a-kit"

FOLDER: Final = PACKAGES / "a2a-tck"

_SECONDS: Final = 900

_TESTS: Final = "tests/compatibility"

_CORE: Final = "core_operations"

LEFT_OUT: Final[Mapping[str, str]] = {
    # A card may have a Last-Modified, and needn't: ours has an ETag.
    "agent_card/test_agent_card_caching.py": "TestAgentCardLastModified::test_last_modified_present",
    # Of the error that it says is wanted, it takes any for a failure; its tests of errors want the same one rightly.
    f"{_CORE}/test_requirements.py": "test_must_requirement[CORE-SEND-003",
    # It wants application/json where 1.0 has application/a2a+json.
    f"{_CORE}/test_transport_behavior.py": "TestRestFormat::test_response_content_type",
    # It wants 415, where 1.0.1 has 400.
    "http_json/test_http_status.py": "TestHttpJsonStatusCodes::test_content_type_not_supported_returns_415",
}
"""How the names of tests begin that aren't run, by their files."""

_CASE: Final = re.compile(rf"^{_TESTS}/(?P<name>\S+) (?P<outcome>PASSED|FAILED|ERROR)\b", re.MULTILINE)
_WHY: Final = re.compile(rf"^(?:FAILED|ERROR) {_TESTS}/(?P<why>.*)$", re.MULTILINE)


def run(env: Environment) -> Result:
    """Run it. It sends no token, so what it sends goes through a proxy that adds one."""
    if not (FOLDER / "run_tck.py").exists():
        return Result(NAME, 0, 1, ["it isn't installed: see what the bootstrap has said"])
    with shared_transaction("admin") as db:
        samples.seed(db, AGENTS)
    card = f"{env.address}/v1/instances/{env.launched(AGENT)}/a2a"
    left_out = [f"--deselect={_TESTS}/{file}::{name}" for file, name in LEFT_OUT.items()]
    command = ["run_tck.py", "--sut-host", card, "--transport", "jsonrpc,http_json", "--verbose", "--", *left_out]
    with proxy.adding_token(env.address, lambda: env.bearer) as through:
        done = subprocess.run(
            [str(PYTHON), *command],
            cwd=FOLDER,
            env={"PATH": os.environ["PATH"], "HTTP_PROXY": through, "COLUMNS": "400"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    outcomes = [each["outcome"] for each in _CASE.finditer(done.stdout)]
    failed = [each["why"] for each in _WHY.finditer(done.stdout)]
    if not outcomes:
        failed.append(f"it said nothing of tests: {(done.stdout + done.stderr)[-500:]}")
    return Result(NAME, outcomes.count("PASSED"), len(outcomes), failed)
