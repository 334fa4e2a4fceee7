"""The gateway's user of RabbitMQ can listen, and nothing else."""

from collections.abc import Callable

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from events.broker import bus
from functions.services.realtime.tests.conftest import Gateway

ATTEMPTS: dict[str, Callable[[BlockingChannel], object]] = {
    "publish": lambda channel: channel.basic_publish(bus.EXCHANGE, "com.botberi.agent.created.v1", b"{}"),
    "publish to a queue": lambda channel: channel.basic_publish("", "botberi.record-audit", b"{}"),
    "read a subscriber's queue": lambda channel: channel.basic_get("botberi.record-audit"),
    "make another queue": lambda channel: channel.queue_declare("botberi.mine"),
    "delete a subscriber's queue": lambda channel: channel.queue_delete("botberi.record-audit"),
    "delete the exchange": lambda channel: channel.exchange_delete(bus.EXCHANGE),
    "listen to another exchange": lambda channel: channel.queue_bind("botberi.gateway.test", bus.NOTIFY_EXCHANGE, "#"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_it_may_not(gateway: Gateway, attempt: str) -> None:
    assert gateway.process.alive
    with pika.BlockingConnection(bus.parameters("gateway")) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("botberi.gateway.test", exclusive=True)
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            ATTEMPTS[attempt](channel)
