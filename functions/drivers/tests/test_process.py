"""The process driver: the suite of all drivers, and what is true of processes alone."""

import fcntl
import io
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from functions.domain.instances.plan import State
from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError
from functions.drivers.process import ProcessDriver, stop_all
from functions.drivers.processes import Process, reap
from functions.drivers.tests.suite import DriverSuite, Eventually, deployment, packed, say

SEES = "import os\ndef agent(request):\n    return {'text': repr(sorted(os.environ)), 'sees': dict(os.environ)}\n"
IMPORTS = """
def agent(request):
    try:
        import events
    except ImportError:
        return {"text": "none of it"}
    return {"text": events.__file__}
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessDriver]:
    monkeypatch.setenv("AGENTS_UNCONFINED", "yes")
    folder = tmp_path / "instances"
    yield ProcessDriver(folder)
    stop_all(folder)
    reap()


def process_of(driver: ProcessDriver, instance_id: str) -> Process:
    process = Process.read(driver.folder / instance_id / "process.json")
    assert process is not None
    return process


class TestProcessDriver(DriverSuite):
    def test_an_image_cannot_run_as_a_process(self, driver: ProcessDriver) -> None:
        with pytest.raises(CannotDeployError) as refused:
            driver.deploy(replace(deployment(), image="registry.example/agent:1", bundle=None))
        assert refused.value.reason == Reason.DRIVER_CANNOT_RUN_IMAGE

    def test_an_agent_survives_whoever_started_it_and_is_adopted(
        self, driver: ProcessDriver, eventually: Eventually
    ) -> None:
        script = (
            "import os, sys, signal; from pathlib import Path\n"
            "from functions.drivers.process import ProcessDriver\n"
            "from functions.drivers.tests.suite import deployment\n"
            f"ProcessDriver(Path({str(driver.folder)!r})).deploy(deployment(instance_id='ins_adopted'))\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        starter = subprocess.run([sys.executable, "-c", script], check=False)
        assert starter.returncode == -signal.SIGKILL
        self.until(driver, eventually, "ins_adopted", State.READY)
        self.end(driver, eventually, "ins_adopted")

    def test_an_agent_whose_starter_died_before_it_could_write_it_down_does_so_itself(
        self, driver: ProcessDriver, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Process, "write", lambda *_: None)
        wanted = deployment()
        driver.deploy(wanted)
        self.until(driver, eventually, wanted.instance_id, State.READY)
        assert process_of(driver, wanted.instance_id).lives

    def test_a_process_that_only_has_the_same_id_is_never_touched(self, driver: ProcessDriver) -> None:
        stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
        try:
            home = driver.folder / "ins_gone"
            home.mkdir(parents=True)
            Process(stranger.pid, 1, "http://127.0.0.1:1").write(home / "process.json")
            assert driver.observe("ins_gone").state == State.EXITED
            driver.stop("ins_gone", 1)
            driver.remove("ins_gone", 1)
            stop_all(driver.folder)
            assert stranger.poll() is None
        finally:
            stranger.communicate(b"\n")

    def test_an_agent_is_told_nothing_of_the_platform(
        self, driver: ProcessDriver, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("USER_REDIS", "a secret")
        wanted = deployment(SEES)
        driver.deploy(wanted)
        sees = say(self.until(driver, eventually, wanted.instance_id, State.READY), "")["sees"]
        assert {"AGENT_CONFIG", "HOME", "LANG", "PATH"} <= set(sees)
        assert not {name for name in sees if "PSQL" in name or "REDIS" in name or "BOTBERI" in name}

    def test_an_agent_cannot_import_the_platform(self, driver: ProcessDriver, eventually: Eventually) -> None:
        wanted = deployment(IMPORTS)
        driver.deploy(wanted)
        address = self.until(driver, eventually, wanted.instance_id, State.READY)
        assert say(address, "")["text"] == "none of it"

    def test_nobody_else_may_read_a_config(self, driver: ProcessDriver) -> None:
        wanted = deployment(config={"key": "secret"})
        driver.deploy(wanted)
        home = driver.folder / wanted.instance_id
        assert stat.S_IMODE((home / "config.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(home.stat().st_mode) == 0o700

    def test_many_starts_at_once_each_get_a_port(self, driver: ProcessDriver) -> None:
        wanted = [deployment() for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(driver.deploy, wanted))
        addresses = {process_of(driver, each.instance_id).address for each in wanted}
        assert len(addresses) == 4

    def test_an_agent_whose_process_dies_is_not_revived_by_its_server(
        self, driver: ProcessDriver, eventually: Eventually
    ) -> None:
        wanted = deployment("import os\ndef agent(request):\n    os._exit(3)\n")
        driver.deploy(wanted)
        address = self.until(driver, eventually, wanted.instance_id, State.READY)
        with pytest.raises(ConnectionError):
            say(address, "die")
        self.until(driver, eventually, wanted.instance_id, State.EXITED)

    @pytest.mark.parametrize("name", ["../outside.py", "/tmp/outside.py", "a/../../outside.py"])
    def test_a_bundle_cannot_write_outside_its_folder(self, driver: ProcessDriver, name: str) -> None:
        bundle = packed({"main.py": "def agent(request): ...\n", name: "outside"})
        with pytest.raises(CannotDeployError):
            driver.deploy(replace(deployment(), bundle=bundle))
        assert not list(driver.folder.parent.rglob("outside.py"))

    def test_a_bundle_that_swells_or_links_is_refused(self, driver: ProcessDriver) -> None:
        bomb, link = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("main.py", "def agent(request): ...\n" + "#" * 50_000_000)
        with zipfile.ZipFile(link, "w") as archive:
            entry = zipfile.ZipInfo("main.py")
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
        for content in (bomb, link):
            with pytest.raises(CannotDeployError):
                driver.deploy(replace(deployment(), bundle=content.getvalue()))

    def test_a_worker_that_is_frozen_with_the_lock_freezes_nobody(
        self, driver: ProcessDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("functions.drivers.process.LOCK_SECONDS", 0.2)
        driver.stop("ins_locked", 1)
        with (driver.folder / "ins_locked.token").open() as frozen:
            fcntl.flock(frozen, fcntl.LOCK_EX)
            with pytest.raises(TimeoutError):
                driver.stop("ins_locked", 2)

    def test_stopping_all_ends_every_instance(self, driver: ProcessDriver, eventually: Eventually) -> None:
        wanted = [deployment() for _ in range(2)]
        for each in wanted:
            driver.deploy(each)
            self.until(driver, eventually, each.instance_id, State.READY)
        processes = [process_of(driver, each.instance_id) for each in wanted]
        os.kill(processes[0].pid, signal.SIGSTOP)
        stop_all(driver.folder)
        assert not any(process.lives for process in processes)
