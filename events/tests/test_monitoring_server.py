"""The endpoint of a part that is watched, without the part."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import monitoring
from core.monitoring import Monitored, Sample
from events.relay.metrics import STUCK, RelayMetrics
from provisioning.local_settings import LOOPBACK
from tools.harness.scrape import Watch

HEALTHY = Path(__file__).parents[2] / "deploy/images/healthy"
"""What a container's health check runs."""

FAMILIES = {"botberi_things_total": "Things.", "botberi_age_seconds": "Age.", "botberi_call_seconds": "Calls."}


def samples() -> Iterator[Sample]:
    yield "botberi_things_total", {"kind": "a"}, 2
    yield "botberi_things_total", {"kind": "b"}, 3
    yield "botberi_age_seconds", {}, 0.5
    yield "botberi_call_seconds_bucket", {"le": "+Inf"}, 4
    yield "botberi_call_seconds_sum", {}, 1.5
    yield "botberi_call_seconds_count", {}, 4


def served(monkeypatch: pytest.MonkeyPatch, monitored: Monitored) -> Watch:
    watch = Watch.on_a_free_port()
    monkeypatch.setenv("MONITORING_LISTEN", f"{LOOPBACK}:{watch.port}")
    monitoring.serve(monitored)
    return watch


def test_figures_are_shown_with_their_kind_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = served(monkeypatch, Monitored(FAMILIES, samples))
    text = watch.get("/metrics")[1]
    for line in ("things_total counter", "age_seconds gauge", "call_seconds histogram"):
        assert f"# TYPE botberi_{line}\n" in text
    assert watch.value("botberi_things_total") == 5
    assert watch.value("process_resident_memory_bytes") > 1_000_000


def test_a_part_says_what_ails_it_and_what_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = RelayMetrics(state="standby")
    watch = served(monkeypatch, Monitored(FAMILIES, samples, metrics.health_problem, metrics.readiness_problem))
    assert (watch.get("/_/health"), watch.get("/_/ready")) == ((200, "ok\n"), (200, "ok\n"))
    metrics.state = "connecting"
    assert (watch.status("/_/health"), watch.status("/_/ready")) == (200, 503)
    metrics.state, metrics.last_beat = "active", time.monotonic() - STUCK - 1
    assert (watch.status("/_/health"), watch.status("/_/ready")) == (503, 503)
    assert "the main loop has not run for" in watch.get("/_/health")[1]


def test_nothing_else_is_answered_and_nothing_listens_where_nobody_is_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert served(monkeypatch, Monitored(FAMILIES, samples)).status("/") == 404
    monkeypatch.setenv("MONITORING_LISTEN", "")
    assert monitoring.serve(Monitored(FAMILIES, samples)) is None


def test_it_listens_on_addresses_of_both_kinds() -> None:
    with monitoring.Endpoint("[::1]", 0, Monitored(FAMILIES, samples)) as endpoint:
        assert endpoint.server_port


@pytest.mark.parametrize(("path", "code"), [("/_/ready", 0), ("/nowhere", 1)])
def test_a_containers_health_check_hears_the_answer_out(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], path: str, code: int
) -> None:
    watch = served(monkeypatch, Monitored(FAMILIES, samples))
    runs = [subprocess.run([HEALTHY, "http", str(watch.port), path], check=False) for _ in range(20)]
    assert {run.returncode for run in runs} == {code}
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("error", "lines"), [(ConnectionResetError(), 0), (TimeoutError(), 0), (ValueError(), 1)])
def test_a_bug_is_logged_and_that_whoever_asked_went_away_is_not(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], error: Exception, lines: int
) -> None:
    with monitoring.Endpoint(LOOPBACK, 0, Monitored(FAMILIES, samples)) as endpoint:
        try:
            raise error
        except type(error):
            endpoint.handle_error(None, None)
    assert (len(caplog.records), capfd.readouterr().err) == (lines, "")
