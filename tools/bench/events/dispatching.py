"""The dispatcher into a function that does nothing, beside wrk at the very same function."""

import json
import sys
from typing import Final

from core import http_client
from events import signing
from tools.bench import wrk
from tools.harness.environment import QUEUE, BenchEnvironment, wait
from tools.local.health import answers
from tools.local.ports import free_ports

_LUA: Final = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/cloudevents+json"
wrk.body = [==[%s]==]
%s
"""


def once(env: BenchEnvironment, size: float) -> dict[str, float]:
    """Return the events a second that the dispatcher brings, and wrk's requests a second, with as many connections."""
    [port] = free_ports(1)
    function = env.start("function", "tools.bench.events.function", str(port))
    function.wait_until(lambda: answers(port, "/_/health"))
    sample = env.program(sys.executable, "-c", "from tools.bench.events.opponents import body; print(body(1).decode())")
    asked = _wrk(env, port, sample.strip(), max(2, round(5 * size)))
    count = int(8000 * size)
    env.program(sys.executable, "-m", "tools.bench.events.opponents", "pipelined", str(count))
    env.stop("function")
    function = env.start("function", "tools.bench.events.function", str(port))
    function.wait_until(lambda: answers(port, "/_/health"))
    before = _calls(port)["count"]
    env.start("dispatcher", "events.dispatcher", FUNCTIONS_URL=f"http://127.0.0.1:{port}/function/{{name}}")
    wait(lambda: _calls(port)["count"] - before >= count, 300, "the dispatcher did not bring everything")
    told = _calls(port)
    for name in ("dispatcher", "function"):
        env.stop(name)
    env.purge()
    return {"dispatched": (told["count"] - before - 1) / (told["last"] - told["first"]), "wrk": asked}


def _wrk(env: BenchEnvironment, port: int, body: str, seconds: int) -> float:
    script = env.folder / "post.lua"
    message = signing.message_id(QUEUE.function, "bench", "1")
    signed = signing.headers(signing.Keys().current(), message, body.encode())
    script.write_text(_LUA % (body, "\n".join(f'wrk.headers["{name}"] = "{each}"' for name, each in signed.items())))
    url = f"http://127.0.0.1:{port}/function/{QUEUE.function}"
    return wrk.rate(url, connections=QUEUE.concurrency, seconds=seconds, script=script)


def _calls(port: int) -> dict[str, float]:
    return dict(json.loads(http_client.request("GET", f"http://127.0.0.1:{port}/calls", seconds=10).body))
