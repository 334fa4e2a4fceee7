"""Faults of RabbitMQ, and of what is declared in it."""

import time
from typing import Final

from events.broker import bus
from tools.chaos.field import QUEUE, BrokenError, Field
from tools.chaos.load import until

ALARM: Final = 10
"""Seconds of a memory alarm: longer than a connection may be silent."""

FULL: Final = 100
"""Messages that a queue holds when it is full."""


def kill(field: Field, times: int) -> None:
    """Kill RabbitMQ and start it again."""
    with field.pressure():
        for _ in field.rounds(times):
            time.sleep(2)
            field.ground.kill_broker()
            field.ground.start_broker()
            field.recovered()


def restart(field: Field, times: int) -> None:
    """Stop RabbitMQ kindly and start it again."""
    with field.pressure():
        for _ in field.rounds(times):
            time.sleep(2)
            field.ground.stop_broker()
            field.ground.start_broker()
            field.recovered()


def close_connections(field: Field, times: int) -> None:
    """Let RabbitMQ close the relays' connections."""
    with field.pressure():
        for _ in field.rounds(times):
            time.sleep(0.5)
            field.ground.close_connections("botberi_relay")
            field.recovered()


def alarm(field: Field, times: int) -> None:
    """Let RabbitMQ have too little memory for a while, with more waiting than any buffer holds."""
    with field.pressure():
        field.active()
        before = _ended(field)
        for _ in field.rounds(times):
            field.ground.control("set_vm_memory_high_watermark", "0.00001")
            field.path.query("call write_many(500, 60000)")
            time.sleep(ALARM)
            field.ground.control("set_vm_memory_high_watermark", "0.4")
            field.recovered()
        ended = _ended(field) - before
        field.note = f"{ended} connections taken for dead"
        if ended:
            raise BrokenError(field.note)


def _ended(field: Field) -> int:
    """Count the connections to RabbitMQ that the relays have lost so far."""
    return sum(field.path.log(name).count("the connection to event_bus ended") for name in field.path.processes)


def fill(field: Field, times: int) -> None:
    """Let the queue be full again and again: it may hold little, and who empties it is slow."""
    with field.pressure():
        for _ in field.rounds(times):
            field.ground.fill(QUEUE.queue, FULL)
            field.ear.pause = 0.02
            time.sleep(5)
            field.ear.pause = 0.0
            field.ground.fill(QUEUE.queue, 0)
            field.recovered()


def delete_exchange(field: Field, times: int) -> None:
    """Delete the exchange, and make it again a second later."""
    with field.pressure():
        for _ in field.rounds(times):
            time.sleep(1)
            with field.path.broker() as broker:
                broker.channel().exchange_delete(bus.EXCHANGE)
            time.sleep(1)
            field.path.make_topology()
            field.recovered()
            _redrive(field)


def unbind(field: Field, times: int) -> None:
    """Remove the queue's binding: what nobody takes is parked, and redriven when the binding is back."""
    with field.pressure():
        for _ in field.rounds(times):
            time.sleep(1)
            _unbind(field)
            field.path.make_topology()
            field.recovered()
            _redrive(field)


def delete_queue(field: Field, times: int) -> None:
    """Delete the queue when it is empty: what is in it would be lost with it."""
    with field.pressure():
        for _ in field.rounds(times):
            time.sleep(1)
            _unbind(field)
            until(lambda: field.path.depth(QUEUE.queue) == 0, 60, "the queue doesn't get empty")
            time.sleep(0.5)
            with field.path.broker() as broker:
                broker.channel().queue_delete(QUEUE.queue)
            field.path.make_topology()
            field.recovered()
            _redrive(field)


def _unbind(field: Field) -> None:
    with field.path.broker() as broker:
        broker.channel().queue_unbind(QUEUE.queue, bus.EXCHANGE, "#")
    until(lambda: field.path.parked() != [], 60, "nothing was parked")


def _redrive(field: Field) -> None:
    time.sleep(0.5)
    field.path.resolve_parked("redriven")
