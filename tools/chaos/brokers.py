"""Faults of RabbitMQ, and of what is declared in it."""

import time
from typing import Final

from events.broker import bus
from tools.chaos.environment import QUEUE, BrokenError, ChaosEnvironment
from tools.harness.environment import wait

ALARM: Final = 10
"""Seconds of a memory alarm: longer than a connection may be silent."""

FULL: Final = 100
"""Messages that a queue holds when it is full."""


def kill(env: ChaosEnvironment, times: int) -> None:
    """Kill RabbitMQ and start it again."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(2)
            env.servers.kill_broker()
            env.servers.start_broker()
            env.recovered()


def restart(env: ChaosEnvironment, times: int) -> None:
    """Stop RabbitMQ kindly and start it again."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(2)
            env.servers.stop_broker()
            env.servers.start_broker()
            env.recovered()


def close_connections(env: ChaosEnvironment, times: int) -> None:
    """Let RabbitMQ close the relays' connections."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(0.5)
            env.servers.close_connections("botberi_relay")
            env.recovered()


def alarm(env: ChaosEnvironment, times: int) -> None:
    """Let RabbitMQ have too little memory for a while, with more waiting than any buffer holds."""
    with env.pressure():
        env.active()
        before = _ended(env)
        for _ in env.rounds(times):
            env.servers.control("set_vm_memory_high_watermark", "0.00001")
            env.path.query("call write_many(500, 60000)")
            time.sleep(ALARM)
            env.servers.control("set_vm_memory_high_watermark", "0.4")
            env.recovered()
        ended = _ended(env) - before
        env.note = f"{ended} connections taken for dead"
        if ended:
            raise BrokenError(env.note)


def _ended(env: ChaosEnvironment) -> int:
    """Count the connections to RabbitMQ that the relays have lost so far."""
    return sum(env.path.log(name).count("the connection to event_bus ended") for name in env.path.processes)


def fill(env: ChaosEnvironment, times: int) -> None:
    """Let the queue be full again and again: it may hold little, and who empties it is slow."""
    with env.pressure():
        for _ in env.rounds(times):
            env.servers.fill(QUEUE.queue, FULL)
            env.ear.pause = 0.02
            time.sleep(5)
            env.ear.pause = 0.0
            env.servers.fill(QUEUE.queue, 0)
            env.recovered()


def delete_exchange(env: ChaosEnvironment, times: int) -> None:
    """Delete the exchange, and make it again a second later."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(1)
            with env.path.broker() as broker:
                broker.channel().exchange_delete(bus.EXCHANGE)
            time.sleep(1)
            env.path.make_topology()
            env.recovered()
            _redrive(env)


def unbind(env: ChaosEnvironment, times: int) -> None:
    """Remove the queue's binding: what nobody takes is parked, and redriven when the binding is back."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(1)
            _unbind(env)
            env.path.make_topology()
            env.recovered()
            _redrive(env)


def delete_queue(env: ChaosEnvironment, times: int) -> None:
    """Delete the queue when it is empty: what is in it would be lost with it."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(1)
            _unbind(env)
            wait(lambda: env.path.depth(QUEUE.queue) == 0, 60, "the queue doesn't get empty")
            time.sleep(0.5)
            with env.path.broker() as broker:
                broker.channel().queue_delete(QUEUE.queue)
            env.path.make_topology()
            env.recovered()
            _redrive(env)


def _unbind(env: ChaosEnvironment) -> None:
    with env.path.broker() as broker:
        broker.channel().queue_unbind(QUEUE.queue, bus.EXCHANGE, "#")
    wait(lambda: env.path.parked() != [], 60, "nothing was parked")


def _redrive(env: ChaosEnvironment) -> None:
    time.sleep(0.5)
    env.path.resolve_parked("redriven")
