"""The table of addresses that a run greets with."""

import sys
from pathlib import Path
from textwrap import indent
from typing import Final

from provisioning.local_settings import LOOPBACK, Ports
from provisioning.seed import ADMINISTRATOR
from tools.pages import aligned

FLOWER_USER: Final = "botberi"


def show(run: Path, ports: Ports, password: str | None, seconds: float) -> None:
    """Print where everything is; `password` is the new administrator's, which is shown once."""
    secrets = run.name + "/secrets"
    rows = [
        ("everything", f"http://localhost:{ports.edge}", "behind nginx"),
        ("console", f"http://localhost:{ports.edge}/console", "your instances, and administration"),
        ("pages", f"http://localhost:{ports.edge}/app/sign-up", "to sign up, log in and set a new password"),
        ("events, live", f"ws://localhost:{ports.edge}/v1/realtime", "a WebSocket: docs/services/gateway.md"),
        ("user functions", f"http://localhost:{ports.user}/docs", "Swagger UI"),
        ("admin functions", f"http://localhost:{ports.admin}/docs", "Swagger UI"),
        ("broker functions", f"http://localhost:{ports.broker}/docs", "Swagger UI"),
        ("Flower", f"http://localhost:{ports.flower}", f"user {FLOWER_USER}, password in {secrets}/flower"),
        ("mails", f"http://localhost:{ports.mail}", "every mail that would have been sent"),
        (
            "RabbitMQ",
            f"http://localhost:{ports.event_bus_management}",
            f"user botberi_admin, password in {secrets}/event-bus-admin",
        ),
        ("user_psql", f"{LOOPBACK}:{ports.user_psql}", f"user postgres, password in {secrets}/psql-superuser"),
        ("shared_psql", f"{LOOPBACK}:{ports.shared_psql}", "the same"),
        ("user_redis", f"{LOOPBACK}:{ports.user_redis}", f"user botberi_admin, password in {secrets}/user-redis-admin"),
        (
            "metrics",
            f"http://localhost:{ports.monitoring_relay_user}/metrics",
            f"and {ports.monitoring_relay_shared} to {ports.monitoring_runner}: docs/operations/events.md",
        ),
        ("administrator", ADMINISTRATOR, _password(run, password)),
        ("logs", f"{run.name}/logs", "warnings are shown here too"),
    ]
    head = f"Botberi is up after {seconds:.0f} seconds. `make demo` shows it at work; Ctrl-C stops it."
    sys.stdout.write(f"\n{head}\n\n{indent(aligned(rows), '  ')}\n\n")
    sys.stdout.flush()


def _password(run: Path, password: str | None) -> str:
    kept = f"in {run.name}/administrator"
    return f"password {password} (shown this once; kept {kept})" if password else f"password {kept}"
