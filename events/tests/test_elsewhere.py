from events import bus
from events.dispatcher.__main__ import Dispatcher
from events.subscriptions import Subscription


def test_what_somebody_else_delivers_is_left_to_them_but_for_its_dead_letters() -> None:
    ours = Subscription("send-mail", "botberi.send-mail", ("#",))
    theirs = Subscription("record-audit", "botberi.record-audit", ("#",), concurrency=0)
    queues = {tap.queue for tap in Dispatcher([ours, theirs], "http://{name}").consumer.taps}
    assert {ours.queue, bus.dead(ours.queue), bus.dead(theirs.queue)} <= queues
    assert theirs.queue not in queues


def test_schedules_are_fired_whoever_delivers_their_events() -> None:
    theirs = Subscription(
        "prune", "botberi.prune", ("t",), concurrency=0, schedule="0 3 * * *", timezone="Europe/Berlin"
    )
    dispatcher = Dispatcher([theirs], "http://{name}")
    assert [(each.name, each.event_type, each.timezone) for each in dispatcher.clock.schedules] == [
        ("prune", "t", "Europe/Berlin")
    ]
    assert dispatcher.shelf.lanes == {}
