"""What has to be true of the event path whatever breaks, and which tests and faults see whether it is.

The page docs/reference/faults.md is written from this; a test finds every test and every fault that it names.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Item:
    """One thing that can happen."""

    what: str
    tests: tuple[str, ...] = ()
    """`module.function`, in events/tests."""
    faults: tuple[str, ...] = ()
    """Names in `tools.chaos.table.FAULTS`."""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """What must hold of things of a kind."""

    kind: str
    holds: str
    items: tuple[Item, ...]


_PLACES: Final = ("test_kills.test_a_relay_killed_anywhere_loses_and_inverts_nothing",)
_OUTBOX_DOOR: Final = ("test_poison.test_what_is_no_event_does_not_get_into_the_outbox",)
_NOTIFY_DOOR: Final = ("test_poison.test_what_is_no_event_does_not_get_into_postgres",)
_ANY_SIZE: Final = (
    "test_poison.test_an_event_of_any_size_goes_through_whole",
    "test_poison.test_a_large_event_is_a_notify_that_refers_to_it",
)
_NOT_A_NOTIFY: Final = "test_notifier.test_what_can_not_be_a_notify_is_a_dead_letter_alone"

ROWS: Final = (
    Row(
        "kill -9 of the relay",
        "none lost, none inverted, no more duplicates than may be in flight",
        (
            Item("after reading", _PLACES, ("places",)),
            Item("in the middle of publishing", _PLACES, ("places",)),
            Item("published but unconfirmed", _PLACES, ("places",)),
            Item("confirmed, before the cursor is saved", _PLACES, ("places",)),
            Item("after the cursor is saved", _PLACES, ("places",)),
            Item("while taking over the lease", _PLACES, ("places",)),
            Item("while parking", ("test_kills.test_a_relay_killed_while_it_parks_parks_once",), ("places",)),
            Item("at any moment", ("test_kills.test_a_standby_takes_over_when_the_active_one_is_killed",), ("kill",)),
        ),
    ),
    Row(
        "kill -9 of the dispatcher",
        "brought again in order; nothing counts twice",
        (
            Item(
                "handled, not settled",
                ("test_dispatcher_kills.test_what_was_handled_and_not_settled_is_brought_again_in_order",),
            ),
            Item(
                "a dead letter written, not settled",
                ("test_dispatcher_kills.test_a_dead_letter_that_was_written_and_not_settled_is_one_row",),
            ),
            Item(
                "notified, not settled",
                ("test_dispatcher_kills.test_what_was_notified_and_not_settled_is_notified_once",),
            ),
            Item("with another", ("test_dispatcher_kills.test_another_dispatcher_takes_over_and_keeps_the_order",)),
        ),
    ),
    Row(
        "freeze (SIGSTOP) past the lease, then continue",
        "the frozen one publishes nothing",
        (
            Item(
                "the active relay",
                ("test_kills.test_a_frozen_relay_publishes_nothing_after_another_took_over",),
                ("freeze",),
            ),
        ),
    ),
    Row(
        "rolling SIGTERM",
        "no duplicates, each ends within 5 s",
        (Item("one relay after another", ("test_kills.test_stopping_one_after_another_repeats_nothing",), ("roll",)),),
    ),
    Row(
        "RabbitMQ",
        "none lost; goes on when it accepts again",
        (
            Item("killed", ("test_outages.test_a_broker_that_is_started_again_loses_nothing",), ("broker",)),
            Item("restarted", ("test_outages.test_a_broker_that_is_started_again_loses_nothing",), ("broker-stop",)),
            Item(
                "closes the connections",
                ("test_outages.test_connections_that_the_broker_closes_lose_nothing",),
                ("connections",),
            ),
            Item("memory alarm", ("test_outages.test_a_memory_alarm_holds_events_back_and_loses_none",), ("alarm",)),
            Item(
                "refuses (a full queue)",
                ("test_outages.test_a_full_queue_holds_events_back_and_loses_none",),
                ("full",),
                "what was in flight behind a refused event may be taken before it: such events can be inverted",
            ),
        ),
    ),
    Row(
        "something declared in RabbitMQ is deleted",
        "parked, not lost; redriving brings all back",
        (
            Item(
                "the queue",
                ("test_failures.test_a_queue_that_was_deleted_gets_what_was_parked_meanwhile",),
                ("queue",),
                "what was in it is gone; replay it. Others that are bound still get theirs, so nothing is parked then",
            ),
            Item(
                "the binding",
                ("test_failures.test_what_no_queue_takes_is_parked_and_comes_back_when_redriven",),
                ("binding",),
                "what comes back comes after later ones of its subject",
            ),
            Item(
                "the exchange",
                ("test_failures.test_without_the_exchange_events_wait_and_nothing_is_parked",),
                ("exchange",),
                "events wait in the outbox until it is there again, in their order",
            ),
        ),
    ),
    Row(
        "Postgres",
        "goes on by itself, no process ends",
        (
            Item("restarted fast", ("test_outages.test_a_database_that_restarts_loses_nothing",), ("postgres-fast",)),
            Item(
                "restarted immediate",
                ("test_outages.test_a_database_that_restarts_loses_nothing",),
                ("postgres-immediate",),
            ),
            Item(
                "backends terminated at random",
                ("test_outages.test_backends_that_are_terminated_lose_nothing",),
                ("backends",),
            ),
            Item(
                "only the listening backend killed",
                ("test_outages.test_events_are_delivered_though_the_notification_is_cut_off",),
                ("notification",),
            ),
            Item(
                "no notification arrives",
                ("test_delivery.test_events_are_delivered_though_every_notification_is_swallowed",),
            ),
        ),
    ),
    Row(
        "the network",
        "noticed within eight seconds, none lost",
        (
            Item("nothing arrives at the relay", (), ("hole-in",)),
            Item("nothing leaves it", (), ("hole-out",)),
            Item(
                "cut off from RabbitMQ",
                ("test_network.test_a_relay_that_is_cut_off_is_replaced_and_publishes_nothing_more",),
                ("hole-broker",),
            ),
            Item(
                "cut off from Postgres",
                ("test_network.test_a_relay_that_is_cut_off_is_replaced_and_publishes_nothing_more",),
                ("hole-postgres",),
            ),
            Item("200 ms of latency", ("test_network.test_a_slow_network_is_only_slow",), ("latency",)),
            Item("5 % of packets lost", (), ("loss",)),
        ),
    ),
    Row(
        "poison",
        "only that event stops",
        (
            Item(
                "bad UTF-8",
                (*_OUTBOX_DOOR, *_NOTIFY_DOOR, "test_notify_ingest.test_any_other_is_a_dead_letter_with_its_text"),
            ),
            Item("`\\u0000`", (*_OUTBOX_DOOR, *_NOTIFY_DOOR, _NOT_A_NOTIFY)),
            Item("NaN", (*_OUTBOX_DOOR, *_NOTIFY_DOOR)),
            Item("8,001 bytes", _ANY_SIZE, (), "no poison: it goes through whole"),
            Item("over 64 KiB", _ANY_SIZE, (), "no poison: it is referred to"),
            Item("10 MB", _ANY_SIZE, (), "no poison: it is referred to; over 16 MiB the writer is told"),
            Item(
                "unknown type",
                ("test_failures.test_unknown_types_and_unspeakable_subjects_are_parked_alone", _NOT_A_NOTIFY),
            ),
            Item(
                "schema-invalid",
                ("test_poison.test_data_that_does_not_fit_its_type_is_a_dead_letter_alone", _NOT_A_NOTIFY),
            ),
        ),
    ),
    Row(
        "transactions",
        "none lost, others not stalled",
        (
            Item(
                "commits out of order",
                (
                    "test_transactions.test_transactions_that_commit_in_another_order_than_they_began_are_all_received",
                    "test_delivery.test_a_transaction_that_commits_late_holds_nobody_up_and_is_not_lost",
                ),
                ("kill",),
            ),
            Item("rollbacks", ("test_delivery.test_what_is_rolled_back_is_never_received",), ("kill",)),
            Item(
                "subtransactions",
                ("test_transactions.test_a_subtransaction_that_is_rolled_back_is_never_received",),
                ("kill",),
            ),
            Item(
                "a prepared transaction held open",
                ("test_outages.test_a_prepared_transaction_stalls_nobody_and_is_delivered",),
                ("transactions",),
                "one that notified the relay can't be prepared, as Postgres has it for NOTIFY: try again",
            ),
            Item(
                "100,000 rows",
                (
                    "test_transactions.test_a_transaction_of_many_rows_lets_others_pass",
                    "test_delivery.test_ten_thousand_events_of_one_transaction_arrive",
                ),
                ("transactions",),
            ),
            Item(
                "an unrelated one open for minutes",
                ("test_outages.test_an_old_transaction_stalls_nobody",),
                ("old",),
                "throughput 0.99 of that without",
            ),
        ),
    ),
    Row(
        "a backlog of an hour",
        "drained at 5 times its arrival or faster, under 200 MB",
        (Item("of 360,000 events", (), ("backlog",)),),
    ),
    Row(
        "10,000 times asleep and awake",
        "no event first found by the fallback",
        (Item("one event each", ("test_naps.test_whoever_wakes_the_relay_notifies_it",), ("naps",)),),
    ),
    Row(
        "a subscriber",
        "tried again, or a dead letter; nothing else held up",
        (
            Item(
                "answers 503", ("test_failures.test_a_subject_that_is_tried_again_keeps_its_order_and_holds_up_nobody",)
            ),
            Item("hangs", ("test_failures.test_a_function_that_hangs_is_given_up_and_called_again",)),
            Item(
                "dies",
                (
                    "test_failures.test_a_function_that_dies_at_work_is_called_again",
                    "test_failures.test_functions_that_are_down_get_their_events_when_they_are_back",
                ),
            ),
            Item("answers 422", ("test_failures.test_poison_is_a_dead_letter_at_once_and_nothing_else_is_held_up",)),
            Item(
                "never handles it",
                ("test_failures.test_what_fails_again_and_again_is_a_dead_letter_with_its_attempts",),
            ),
        ),
    ),
)
