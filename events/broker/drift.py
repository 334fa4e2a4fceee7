"""What the subscriptions ask for and what exists in RabbitMQ, compared."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from events.broker import bus
from events.broker.management import Existing

Binding = tuple[str, str, str]
"""Exchange, queue and routing key."""

DEAD = ".dead"


@dataclass(frozen=True)
class Wanted:
    """What has to exist."""

    exchanges: dict[str, str]
    """Types by name."""
    queues: dict[str, dict[str, JsonValue]]
    """Arguments by name; each dead-letter queue before its queue."""
    bindings: list[Binding]


@dataclass(frozen=True)
class Drift:
    """What is missing in RabbitMQ, what differs, and what no subscription asks for any more; each list is sorted."""

    exchanges: list[str]
    kinds: list[str]
    """Exchanges of another type."""
    queues: list[str]
    bindings: list[Binding]
    stale: list[Binding]
    """Bindings of wanted queues to types that their subscribers receive no more."""
    changed: list[str]
    """Queues with other arguments."""
    gone: list[str]
    """Queues of subscriptions that are no more, without their dead-letter queues."""

    def messages(self) -> Iterator[str]:
        """Yield a sentence for each change that has to be made."""
        yield from (f"create the exchange {name}" for name in self.exchanges)
        yield from (f"make the exchange {name} anew, which is of another kind" for name in self.kinds)
        yield from (f"create the queue {name}" for name in self.queues)
        yield from (f"make the queue {name} anew, which has other arguments" for name in self.changed)
        yield from (f"bind {queue} to {key} of {exchange}" for exchange, queue, key in self.bindings)
        yield from (f"unbind {queue} from {key} of {exchange}" for exchange, queue, key in self.stale)


def compare(wanted: Wanted, existing: Existing) -> Drift:
    """Return the differences between what is wanted and what exists."""
    there = existing.bindings
    return Drift(
        sorted(set(wanted.exchanges) - set(existing.exchanges)),
        sorted(name for name, kind in wanted.exchanges.items() if existing.exchanges.get(name, kind) != kind),
        sorted(set(wanted.queues) - set(existing.queues)),
        sorted(set(wanted.bindings) - there),
        sorted(each for each in there - set(wanted.bindings) if each[0] == bus.EXCHANGE and each[1] in wanted.queues),
        sorted(name for name in wanted.queues if _is_other(name, wanted, existing)),
        sorted(_gone(wanted.queues, existing.queues)),
    )


def _is_other(name: str, wanted: Wanted, existing: Existing) -> bool:
    """Return whether a queue exists with other arguments."""
    queue = existing.queues.get(name)
    return queue is not None and (queue.arguments != wanted.queues[name] or not queue.durable)


def _gone(wanted: Iterable[str], existing: Iterable[str]) -> set[str]:
    """Return the queues that are not wanted, but have a dead-letter queue, which only subscriptions have."""
    return {name.removesuffix(DEAD) for name in existing if name.endswith(DEAD)} - set(wanted)
