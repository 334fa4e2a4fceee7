"""What every driver must do, whatever it runs instances on. A driver's own test class inherits from this one."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar, Final

import pytest

from core import http_client
from functions.domain.instances.deployments import Deployment
from functions.domain.instances.plan import State
from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, Driver, StaleToken

Eventually = Callable[..., Any]

SOURCE: Final = """
import json, os
def agent(request):
    config = json.load(open(os.environ["AGENT_CONFIG"]))
    return {"text": config.get("says", "") + request.get_json()["text"], "pid": os.getpid()}
"""


def packed(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, source in files.items():
            archive.writestr(name, source)
    return content.getvalue()


def deployment(
    source: str = SOURCE, config: dict[str, Any] | None = None, *, instance_id: str | None = None, token: int = 1
) -> Deployment:
    known = instance_id or f"ins_{uuid.uuid4().hex}"
    return Deployment(known, token, "ver_1", None, packed({"main.py": source}), config or {})


def say(address: str | None, text: str) -> dict[str, Any]:
    assert address is not None
    body = json.dumps({"id": "msg_1", "text": text}).encode()
    headers = {"Content-Type": "application/json"}
    answer = json.loads(http_client.request("POST", address, seconds=5, body=body, headers=headers).body)
    assert isinstance(answer, dict)
    return answer


class DriverSuite:
    """Inherit, and provide a fixture `driver`."""

    tokens: ClassVar = count(2)

    def until(self, driver: Driver, eventually: Eventually, instance_id: str, state: State) -> str | None:
        eventually(lambda: driver.observe(instance_id).state == state)
        return driver.observe(instance_id).address

    def end(self, driver: Driver, eventually: Eventually, instance_id: str, token: int = 1000) -> None:
        def ended() -> bool:
            driver.stop(instance_id, token)
            return driver.observe(instance_id).state == State.ABSENT

        eventually(ended)

    def test_what_was_never_deployed_is_absent(self, driver: Driver) -> None:
        assert driver.observe(f"ins_{uuid.uuid4().hex}").state == State.ABSENT

    def test_what_is_deployed_comes_to_answer_with_its_config(self, driver: Driver, eventually: Eventually) -> None:
        wanted = deployment(config={"says": "hello "})
        driver.deploy(wanted)
        address = self.until(driver, eventually, wanted.instance_id, State.READY)
        assert say(address, "world")["text"] == "hello world"

    def test_deploying_twice_is_deploying_once(self, driver: Driver, eventually: Eventually) -> None:
        wanted = deployment()
        driver.deploy(wanted)
        address = self.until(driver, eventually, wanted.instance_id, State.READY)
        first = say(address, "")["pid"]
        driver.deploy(wanted)
        assert say(self.until(driver, eventually, wanted.instance_id, State.READY), "")["pid"] == first

    def test_another_config_replaces_what_runs(self, driver: Driver, eventually: Eventually) -> None:
        first = deployment(config={"says": "old "})
        driver.deploy(first)
        self.until(driver, eventually, first.instance_id, State.READY)
        driver.deploy(deployment(config={"says": "new "}, instance_id=first.instance_id))
        address = self.until(driver, eventually, first.instance_id, State.READY)
        assert say(address, "one")["text"] == "new one"

    def test_an_agent_that_ends_by_itself_is_seen_to_have_exited(self, driver: Driver, eventually: Eventually) -> None:
        wanted = deployment("raise SystemExit(1)\ndef agent(request): ...\n")
        driver.deploy(wanted)
        self.until(driver, eventually, wanted.instance_id, State.EXITED)
        driver.stop(wanted.instance_id, 2)
        assert driver.observe(wanted.instance_id).state == State.ABSENT

    def test_what_is_stopped_becomes_absent_and_can_be_deployed_again(
        self, driver: Driver, eventually: Eventually
    ) -> None:
        wanted = deployment()
        driver.deploy(wanted)
        self.until(driver, eventually, wanted.instance_id, State.READY)
        self.end(driver, eventually, wanted.instance_id)
        driver.deploy(deployment(instance_id=wanted.instance_id, token=1001))
        self.until(driver, eventually, wanted.instance_id, State.READY)

    def test_an_agent_that_never_answers_can_be_stopped(self, driver: Driver, eventually: Eventually) -> None:
        wanted = deployment("import time\ntime.sleep(1000)\ndef agent(request): ...\n")
        driver.deploy(wanted)
        self.until(driver, eventually, wanted.instance_id, State.STARTING)
        self.end(driver, eventually, wanted.instance_id)

    def test_removing_takes_everything_away_and_may_be_repeated(self, driver: Driver, eventually: Eventually) -> None:
        wanted = deployment()
        driver.deploy(wanted)
        self.until(driver, eventually, wanted.instance_id, State.READY)
        self.end(driver, eventually, wanted.instance_id)
        for _ in range(2):
            driver.remove(wanted.instance_id, 1000)
            assert driver.observe(wanted.instance_id).state == State.ABSENT

    def test_stopping_and_removing_what_is_not_there_is_nothing(self, driver: Driver) -> None:
        nothing = f"ins_{uuid.uuid4().hex}"
        driver.stop(nothing, 1)
        driver.remove(nothing, 1)
        assert driver.observe(nothing).state == State.ABSENT

    def test_an_earlier_token_undoes_nothing_of_a_later_one(self, driver: Driver, eventually: Eventually) -> None:
        wanted = deployment(token=7)
        driver.deploy(wanted)
        for call in (driver.stop, driver.remove):
            with pytest.raises(StaleToken):
                call(wanted.instance_id, 6)
        self.until(driver, eventually, wanted.instance_id, State.READY)
        self.end(driver, eventually, wanted.instance_id)
        driver.remove(wanted.instance_id, 1000)
        with pytest.raises(StaleToken):
            driver.deploy(wanted)

    def test_a_bundle_that_is_none_is_refused_for_good(self, driver: Driver) -> None:
        broken = Deployment(f"ins_{uuid.uuid4().hex}", 1, "ver_1", None, b"no zip", {})
        with pytest.raises(CannotDeployError) as refused:
            driver.deploy(broken)
        assert refused.value.reason == Reason.BUNDLE_INVALID
        assert driver.observe(broken.instance_id).state == State.ABSENT
