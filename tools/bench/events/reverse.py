"""Events from RabbitMQ into Postgres: the dispatcher's batches, beside one transaction for each message."""

import json
import time

import pika

from events.broker import bus
from events.catalog.load import load
from events.dispatcher.notifier import INGEST, joined
from events.dispatcher.validation import Validator
from tools.bench.events.opponents import body
from tools.harness.environment import BenchEnvironment, wait


def once(env: BenchEnvironment, size: float) -> dict[str, float]:
    """Return the events a second of both; each becomes an inbox row and a NOTIFY."""
    return {"reverse": _batched(env, int(20_000 * size)), "reverse_single": _single(env, int(1000 * size))}


def _batched(env: BenchEnvironment, count: int) -> float:
    _publish(env, "batched", count)
    env.start("dispatcher", "events.dispatcher", FUNCTIONS_URL="http://127.0.0.1:9/{name}")
    wait(lambda: _taken_in(env) >= count, 300, "the notifier did not take in everything")
    [[seconds]] = env.run(
        "select extract(epoch from max(received) - min(received))::float8 from inbox where subscriber = 'notify'"
    )
    [[first]] = env.run(
        "select count(*) from inbox where received = (select min(received) from inbox where subscriber = 'notify')"
    )
    env.stop("dispatcher")
    env.run("truncate inbox")
    # The first batch was taken in before the clock started.
    return float((count - first) / seconds)


def _single(env: BenchEnvironment, count: int) -> float:
    """Do the same for each message by itself: look at it, take it in with a statement that commits, acknowledge it."""
    _publish(env, "single", count)
    gatekeeper = Validator(load())
    session = env.session("relay")
    statement = session.prepare(INGEST)
    with env.broker() as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=100)
        started = time.perf_counter()
        for taken, (method, _, message) in enumerate(channel.consume(bus.NOTIFY_QUEUE), 1):
            assert message is not None
            assert method.delivery_tag is not None
            statement.run(**joined([gatekeeper.validate(message)]))
            channel.basic_ack(method.delivery_tag)
            if taken == count:
                break
        took = time.perf_counter() - started
        channel.cancel()
    session.close()
    env.run("truncate inbox")
    return count / took


def _taken_in(env: BenchEnvironment) -> int:
    [[count]] = env.run("select count(*) from inbox where subscriber = 'notify'")
    return int(count)


def _publish(env: BenchEnvironment, name: str, count: int) -> None:
    """Put events that are addressed to a channel of Postgres into their queue."""
    persistent = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)
    with env.broker() as connection:
        channel = connection.channel()
        for number in range(count):
            event = json.loads(body(number)) | {"id": f"evt_{name}_{number}", "channel": "bench"}
            channel.basic_publish(bus.NOTIFY_EXCHANGE, event["type"], json.dumps(event).encode(), persistent)
        # Before the channel closes, and with it what it still holds is dropped.
        wait(lambda: env.depth(bus.NOTIFY_QUEUE) == count, 60, "the broker did not take everything")
