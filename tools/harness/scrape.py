"""Requests to a monitored service, as Prometheus and whoever restarts it send them."""

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from core import http_client
from provisioning.local_settings import LOOPBACK
from tools.local.ports import free_ports


@dataclass
class Watch:
    """The endpoint of one process."""

    port: int
    path: str = "/metrics"
    """Of its metrics."""

    @classmethod
    def on_a_free_port(cls) -> "Watch":
        """Choose a port that nothing listens on."""
        [port] = free_ports(1)
        return cls(port)

    @property
    def settings(self) -> dict[str, str]:
        """What the process has to be told."""
        return {"MONITORING_LISTEN": f"{LOOPBACK}:{self.port}"}

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of an answer; 0 when nobody answers."""
        try:
            response = http_client.request("GET", f"http://{LOOPBACK}:{self.port}{path}", seconds=10)
        except OSError:
            return 0, ""
        return response.status, response.body.decode()

    def status(self, path: str) -> int:
        """Return the status of an answer."""
        return self.get(path)[0]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels."""
        families = text_string_to_metric_families(self.get(self.path)[1])
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def names(self) -> set[str]:
        """Return the names of all samples."""
        families = text_string_to_metric_families(self.get(self.path)[1])
        return {sample.name for family in families for sample in family.samples}
