"""What the dashboards show: functions, events, the gateway, instances and workers, and what all of them stand on."""

from dataclasses import dataclass
from typing import Final

Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Panel:
    """One graph: lines, each an expression and what its legend says."""

    title: str
    unit: str
    lines: Lines
    about: str = ""


def _sum(expression: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) ({expression})" if by else f"sum({expression})"


def _rate(metric: str, *by: str) -> str:
    return _sum(f"rate({metric}[$__rate_interval])", *by)


def _increase(metric: str, *by: str) -> str:
    return _sum(f"increase({metric}[5m])", *by)


def _each(metric: str, by: str) -> str:
    """Return one line for each, though several replicas show it."""
    return f"max by ({by}) ({metric})"


def _quantile(quantile: float, metric: str, by: str) -> str:
    return f"histogram_quantile({quantile}, {_rate(f'{metric}_bucket', by, 'le')})"


def _relays(state: str) -> str:
    return _sum(f'botberi_relay_state{{state="{state}"}}', "database")


_FUNCTIONS: Final = (
    Panel("Requests", "reqps", ((_rate("botberi_function_answers_total", "function"), "{{function}}"),)),
    Panel(
        "Errors of ours",
        "reqps",
        (
            (
                _rate('botberi_function_answers_total{status=~"5.."}', "function", "status"),
                "{{function}} {{status}}",
            ),
        ),
        "500 is a bug, 503 a dependency that is away.",
    ),
    Panel("Half take less than", "s", ((_quantile(0.5, "botberi_function_seconds", "function"), "{{function}}"),)),
    Panel(
        "99 of 100 take less than", "s", ((_quantile(0.99, "botberi_function_seconds", "function"), "{{function}}"),)
    ),
    Panel(
        "Refusals",
        "reqps",
        ((_rate('botberi_function_answers_total{status=~"4.."}', "status"), "{{status}}"),),
        "Many 401 and 429 together are somebody guessing passwords.",
    ),
    Panel(
        "Edge",
        "short",
        (
            (_each("botberi_edge_connections", "state"), "{{state}}"),
            (_rate("botberi_edge_requests_total"), "requests/s"),
            (f"{_rate('botberi_edge_accepted_total')} - {_rate('botberi_edge_handled_total')}", "turned away/s"),
        ),
    ),
)

_EVENTS: Final = (
    Panel(
        "Oldest event that RabbitMQ hasn't confirmed",
        "s",
        ((_each("botberi_outbox_oldest_seconds", "database"), "{{database}}"),),
        "By the database's clock. Above a second or two, something is in the way.",
    ),
    Panel(
        "Events not yet confirmed",
        "short",
        ((_each("botberi_outbox_undelivered", "database"), "{{database}}"),),
        "50,000 at most.",
    ),
    Panel(
        "Probes: the way through RabbitMQ and back",
        "s",
        (
            ("botberi_relay_probe_seconds", "{{database}} took"),
            (_each("botberi_relay_probe_age_seconds", "database"), "{{database}} ago"),
        ),
        "One every 15 seconds; the time since the last one goes up and down like a saw.",
    ),
    Panel(
        "Who relays",
        "short",
        (
            (_relays("active"), "{{database}} active"),
            (_relays("standby"), "{{database}} standing by"),
            (_relays("connecting"), "{{database}} connecting"),
            (_sum("botberi_relay_blocked", "database"), "{{database}} held up by RabbitMQ"),
        ),
        "One active for each database, always.",
    ),
    Panel(
        "Published, confirmed, returned",
        "ops",
        (
            (_rate("botberi_relay_published_total", "database"), "{{database}} published"),
            (_rate("botberi_relay_confirmed_total", "database"), "{{database}} confirmed"),
            (_rate("botberi_relay_returned_total", "database"), "{{database}} returned"),
        ),
    ),
    Panel(
        "Sent twice, set aside, missed",
        "short",
        (
            (_increase("botberi_relay_resent_total", "database"), "{{database}} sent again"),
            (_increase("botberi_relay_parked_total", "database", "reason"), "{{database}} parked: {{reason}}"),
            (_increase("botberi_relay_found_by_fallback_total", "database"), "{{database}} found without a bell"),
            (_increase('botberi_relay_probes_total{outcome="late"}', "database"), "{{database}} late probes"),
        ),
        "In five minutes. All of it should be nothing.",
    ),
    Panel(
        "How relays work",
        "ops",
        (
            (_rate("botberi_relay_wakeups_total", "database", "kind"), "{{database}} woken by {{kind}}"),
            (_rate("botberi_relay_pages_total", "database"), "{{database}} pages"),
            (_rate("botberi_relay_cursor_saves_total", "database"), "{{database}} cursor saved"),
            (_rate("botberi_relay_foreign_total", "database", "outcome"), "{{database}} foreign: {{outcome}}"),
        ),
        "A sleeping relay looks once a second by itself.",
    ),
    Panel(
        "Relays taking over and connecting",
        "short",
        (
            ("changes(botberi_relay_epoch[5m])", "{{database}} taken over"),
            (_increase("botberi_relay_sessions_total", "database"), "{{database}} connected"),
            (_increase("botberi_dispatcher_connects_total"), "dispatchers connected"),
        ),
        "More than one in a while: connections are lost, or processes killed.",
    ),
    Panel("Calls", "ops", ((_rate("botberi_dispatcher_calls_total", "subscription"), "{{subscription}}"),)),
    Panel(
        "Calls that were not handled",
        "ops",
        (
            (
                _rate('botberi_dispatcher_calls_total{verdict!="handled"}', "subscription", "reason"),
                "{{subscription}}: {{reason}}",
            ),
            (_rate("botberi_dispatcher_retries_total", "subscription"), "{{subscription}}: tried again"),
        ),
    ),
    Panel(
        "99 of 100 calls take less than",
        "s",
        ((_quantile(0.99, "botberi_dispatcher_call_seconds", "subscription"), "{{subscription}}"),),
    ),
    Panel(
        "What dispatchers hold",
        "short",
        (
            (_sum("botberi_dispatcher_held", "subscription"), "{{subscription}}"),
            (_sum("botberi_dispatcher_calls_under_way", "subscription"), "{{subscription}} under way"),
            (_each("botberi_dispatcher_shelved_events", "subscription"), "{{subscription}} on the shelf"),
            (_each("botberi_dispatcher_shelved_subjects", "subscription"), "{{subscription}} subjects on the shelf"),
        ),
        "What is on the shelf waits in shared_psql, because its subject fails.",
    ),
    Panel("Waiting in queues", "short", (('rabbitmq_detailed_queue_messages_ready{queue!~".*[.]dead"}', "{{queue}}"),)),
    Panel(
        "Given up",
        "short",
        (
            (_each("botberi_dead_letters_open", "queue"), "{{queue}}"),
            (_each("botberi_outbox_parked", "database"), "parked in {{database}}"),
            (_increase("botberi_dispatcher_dead_letters_total", "queue"), "{{queue}}, new"),
        ),
    ),
    Panel(
        "Into Postgres",
        "ops",
        (
            (_rate("botberi_notifier_events_total"), "NOTIFYs"),
            (_rate("botberi_notifier_duplicates_total"), "known already"),
            (_rate("botberi_notifier_batches_total"), "batches"),
        ),
    ),
    Panel("Schedules", "short", ((_increase("botberi_dispatcher_slots_fired_total"), "fired"),), "In five minutes."),
)

_GATEWAY: Final = (
    Panel(
        "WebSockets",
        "short",
        (
            (_sum("botberi_gateway_connections"), "open"),
            (_sum("botberi_gateway_listeners"), "authenticated"),
            (_sum("botberi_gateway_live"), "gateways that are live"),
        ),
    ),
    Panel(
        "Events heard and messages sent",
        "ops",
        (
            (_rate("botberi_gateway_heard_total"), "heard"),
            (_rate("botberi_gateway_sent_total"), "sent"),
            (_sum("botberi_gateway_waiting"), "waiting"),
        ),
    ),
    Panel(
        "Ends, and calls to read anew",
        "short",
        (
            (_increase("botberi_gateway_closed_total", "code"), "closed with {{code}}"),
            (_increase("botberi_gateway_missed_total"), "everybody told to read anew"),
        ),
        "In five minutes.",
    ),
)

_INSTANCES: Final = (
    Panel("Instances by status", "short", ((_each("botberi_instances", "status"), "{{status}}"),)),
    Panel(
        "Late",
        "short",
        (("botberi_instances_overdue", "overdue"), ("botberi_instances_past_deadline", "past deadline")),
        "Overdue: no worker looked. Past deadline: a worker looked and could not help.",
    ),
    Panel("Workers online", "short", (("flower_worker_online", "{{worker}}"),)),
    Panel(
        "Jobs at once",
        "short",
        (("flower_worker_number_of_currently_executing_tasks", "{{worker}}"),),
    ),
    Panel("Jobs that wait for a worker", "short", ((_each("botberi_jobs_waiting", "queue"), "{{queue}}"),)),
    Panel(
        "What was no job",
        "short",
        (("botberi_jobs_dead", "put aside"),),
        "Kept in the list instances.dead of Redis' database 1; the worker's log says when and why.",
    ),
    Panel("Jobs", "ops", ((_rate("flower_events_total", "type"), "{{type}}"),)),
    Panel(
        "99 of 100 jobs take less than", "s", ((_quantile(0.99, "flower_task_runtime_seconds", "task"), "{{task}}"),)
    ),
)

_DEPENDENCIES: Final = (
    Panel(
        "What answers",
        "short",
        (
            (_each("botberi_database_up", "database"), "{{database}}"),
            (_each("botberi_pooler_up", "database"), "{{database}}'s pooler"),
            ("max(botberi_redis_up)", "Redis"),
            ("max(botberi_edge_up)", "edge"),
        ),
    ),
    Panel(
        "Connections of Postgres",
        "short",
        (
            (_each("botberi_postgres_connections", "database"), "{{database}}"),
            (_each("botberi_postgres_connections_limit", "database"), "{{database}} at most"),
        ),
    ),
    Panel(
        "Poolers",
        "short",
        (
            (_each("botberi_pooler_clients", "database, state"), "{{database}} clients {{state}}"),
            (_each("botberi_pooler_servers", "database, state"), "{{database}} to Postgres {{state}}"),
            (_rate("botberi_pooler_transactions_total", "database"), "{{database}} transactions/s"),
        ),
    ),
    Panel(
        "Waiting for a connection",
        "s",
        (
            (_each("botberi_pooler_longest_wait_seconds", "database"), "{{database}} longest"),
            (_rate("botberi_pooler_wait_seconds_total", "database"), "{{database}} in all, each second"),
        ),
    ),
    Panel(
        "Transactions",
        "ops",
        (
            (_rate("botberi_postgres_commits_total", "database"), "{{database}} commits"),
            (_rate("botberi_postgres_rollbacks_total", "database"), "{{database}} rollbacks"),
        ),
    ),
    Panel("Deadlocks", "short", ((_increase("botberi_postgres_deadlocks_total", "database"), "{{database}}"),)),
    Panel("Size", "bytes", ((_each("botberi_postgres_size_bytes", "database"), "{{database}}"),)),
    Panel(
        "Memory of RabbitMQ",
        "bytes",
        (
            ("rabbitmq_process_resident_memory_bytes", "used"),
            ("rabbitmq_resident_memory_limit_bytes", "at most"),
        ),
    ),
    Panel(
        "Disk of RabbitMQ",
        "bytes",
        (
            ("rabbitmq_disk_space_available_bytes", "free"),
            ("rabbitmq_disk_space_available_limit_bytes", "at least"),
        ),
    ),
    Panel("Connections of RabbitMQ", "short", (("rabbitmq_connections", "connections"),)),
    Panel(
        "Messages in RabbitMQ",
        "ops",
        (
            (_rate("rabbitmq_global_messages_received_confirm_total"), "published"),
            (_rate("rabbitmq_global_messages_confirmed_total"), "confirmed"),
            (_rate("rabbitmq_global_messages_unroutable_returned_total"), "returned"),
            (_rate("rabbitmq_global_messages_acknowledged_total"), "acknowledged"),
            (_rate("rabbitmq_global_messages_redelivered_total"), "redelivered"),
        ),
    ),
    Panel(
        "Memory of Redis",
        "bytes",
        (("max(botberi_redis_memory_bytes)", "used"), ("max(botberi_redis_memory_limit_bytes)", "at most")),
    ),
    Panel(
        "Redis",
        "short",
        (
            ("max(botberi_redis_clients)", "connections"),
            (_rate("botberi_redis_commands_total"), "commands/s"),
            (_increase("botberi_redis_evicted_keys_total"), "keys thrown away"),
            (_increase("botberi_redis_rejected_connections_total"), "connections refused"),
        ),
    ),
    Panel(
        "Memory of parts",
        "bytes",
        (('process_resident_memory_bytes{job=~"relay|dispatcher|gateway|meter"}', "{{instance}}"),),
    ),
    Panel(
        "Processor time of parts",
        "percentunit",
        ((_rate('process_cpu_seconds_total{job=~"relay|dispatcher|gateway|meter"}', "instance"), "{{instance}}"),),
    ),
)

DASHBOARDS: Final[dict[str, tuple[str, tuple[Panel, ...]]]] = {
    "functions": ("Functions and the edge", _FUNCTIONS),
    "events": ("Events", _EVENTS),
    "gateway": ("Gateway", _GATEWAY),
    "instances": ("Instances and workers", _INSTANCES),
    "dependencies": ("Postgres, RabbitMQ, Redis", _DEPENDENCIES),
}
