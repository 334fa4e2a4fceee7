"""How long after its commit an event calls its function, on an idle system at a hundred events a second."""

import json
import socketserver
import threading
import time
from statistics import quantiles
from typing import Final

from tools.harness.environment import TYPE, BenchEnvironment, wait

RATE: Final = 100
"""Events a second."""

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Ear(socketserver.ThreadingTCPServer):
    """A function that notes when it was called with which event, and does nothing else."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Call)
        self.received: dict[str, float] = {}
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        """The port on which the function listens."""
        return int(self.server_address[1])


class _Call(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while request := self.rfile.readline():
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            at = time.monotonic()
            body = self.rfile.read(length)
            # The dispatcher asks before the first event whether the function is there.
            if request.startswith(b"POST"):
                assert isinstance(self.server, Ear)
                self.server.received.setdefault(json.loads(body)["id"], at)
            self.wfile.write(_ANSWER)


def once(env: BenchEnvironment, size: float) -> dict[str, float]:
    """Return the median and the 99th percentile in milliseconds, from the commit's return to the call."""
    ear = Ear()
    env.start_relay()
    env.start("dispatcher", "events.dispatcher", FUNCTIONS_URL=f"http://127.0.0.1:{ear.port}/function/{{name}}")
    _commit(env, 20)
    wait(lambda: len(ear.received) >= 20, 30, "the dispatcher calls nobody")
    committed = _commit(env, max(200, int(1500 * size)))
    wait(lambda: committed.keys() <= ear.received.keys(), 30, "an event was not delivered")
    took = [1000 * max(0.0, ear.received[name] - at) for name, at in committed.items()]
    for name in ("dispatcher", "relay"):
        env.stop(name)
    ear.shutdown()
    ear.server_close()
    cuts = quantiles(took, n=100)
    return {"latency_p50": cuts[49], "latency_p99": cuts[98]}


def _commit(env: BenchEnvironment, count: int) -> dict[str, float]:
    """Commit events at the rate; return when each one's commit had returned."""
    committed = {}
    session = env.session()
    statement = session.prepare("select emit_event(:type, :subject, cast(:data as jsonb))")
    due = time.monotonic()
    for number in range(count):
        due += 1 / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        subject = f"agt_{number % 50}"
        data = json.dumps({"agent_id": subject, "slug": "s"})
        [[name]] = statement.run(type=TYPE, subject=subject, data=data)
        committed[name] = time.monotonic()
    session.close()
    return committed
