"""What one test worker has for itself: two databases, a Redis, a vhost, and its settings in the environment."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import redis
from redis import ConnectionPool
from sqlalchemy import Connection, Engine, QueuePool

from core.configuration import secret, setting
from core.once import once
from functions.domain.audit import anchor_store
from functions.domain.catalog import bundle_store
from functions.runtime import databases as sessions
from functions.runtime import redis_users
from functions.runtime.providers import cache
from migrations.databases import DATABASES, ROLES, connect
from migrations.roles import provision
from provisioning import local_settings
from provisioning.local_settings import Ports
from tools.local import databases
from tools.local.ports import free_ports
from tools.local.servers import redis_server, vhosts

_ITS_OWN: Final = (
    *("user_redis", "user", "admin", "broker", "functions", "subscribers", "gateway", "edge", "agent_host"),
    *("monitoring_relay_user", "monitoring_relay_shared", "monitoring_dispatcher", "monitoring_gateway"),
    *("monitoring_runner", "smtp", "mail"),
)
"""Ports of services that every worker has for itself."""


class Environment:
    """The surroundings of the tests of one worker."""

    def __init__(self, session: Path, ports: Ports, worker: str) -> None:
        """`session` is the folder of the test session; `worker` names this one within it."""
        self.session = session
        self.secrets = session / "secrets"
        self.worker = worker
        self.ports = replace(ports, **dict(zip(_ITS_OWN, free_ports(len(_ITS_OWN)), strict=True)))
        self.vhost = f"botberi-{worker}"
        self.anchors = session / f"anchors-{worker}"
        """Its databases have chains of their own, and so it has anchors of its own."""
        self.objects = session / f"objects-{worker}"
        """Its databases say which bundles there are, and so it has a store of its own for them."""
        self._engines: list[Engine] = []
        self._engine = once(self._new_engine)
        self._pools: list[ConnectionPool] = []
        self._pool = once(self._new_pool)

    def environment(self) -> dict[str, str]:
        """Return the settings of a process that works in this environment, in which nothing happens by itself."""
        of_a_run = local_settings.environment(
            self.session,
            self.ports,
            user_database=f"user_psql_{self.worker}",
            shared_database=f"shared_psql_{self.worker}",
            vhost=self.vhost,
        )
        # Thousands of people log in during the tests.
        # They sign up too, and no catcher runs unless a test starts one.
        return {
            **of_a_run,
            "RELAY_PROBE_SECONDS": "0",
            "ARGON2_KIB": "8",
            "SMTP_URL": "",
            anchor_store.SETTING: self.anchors.as_uri(),
            bundle_store.SETTING: self.objects.as_uri(),
        }

    def renew(self) -> None:
        """Give the worker empty databases, Redis, vhost and places, whoever still uses the old ones."""
        self.disconnect()
        for place in (self.anchors, self.objects):
            shutil.rmtree(place, ignore_errors=True)
        for database in DATABASES:
            databases.create(database, template=database, anew=True)
            # A copy has the tables and their grants, but not those on the database itself.
            provision(database, "postgres", secret("psql-superuser"))
        with self.redis() as client:
            client.flushall()
        vhosts.create(self.vhost, self.ports.event_bus_management, secret("event-bus-admin"))

    def disconnect(self) -> None:
        """Close this process' connections; they are opened anew when needed, to where the settings say then."""
        for database in DATABASES:
            for role in ROLES:
                sessions.engine(database, role).dispose()
        sessions.engine.cache_clear()
        for engine in self._engines:
            engine.dispose()
        for pool in self._pools:
            pool.disconnect()
        for user in ("cache", "invalidation"):
            cache.connect(user).client.close()
        cache.connect.cache_clear()

    def redis(self, user: str = "admin", database: int = 0) -> redis.Redis:
        """Return a client of Redis that logs in as one of its users; its connections are closed with all others."""
        return redis.Redis(connection_pool=self._pool(user, database))

    def _new_pool(self, user: str, database: int) -> ConnectionPool:
        name, password = redis_users.name(user), secret(redis_users.secret_name(user))
        pool = ConnectionPool(port=self.ports.user_redis, username=name, password=password, db=database)
        # Left to the garbage collector, which knows no order, a socket may go before the client that closes it.
        self._pools.append(pool)
        return pool

    def forget_leases(self) -> None:
        """End the leases of runs, as if the runners that have them were gone."""
        with self.transaction("shared_psql", "migrator") as db:
            db.exec_driver_sql(
                "update runs set lease_owner = null, lease_expires_at = null where lease_owner is not null"
            )

    def forget_kill_switches(self) -> None:
        """Leave no kill switch engaged: one for everything would stop what later tests start."""
        with self.transaction("shared_psql", "migrator") as db:
            db.exec_driver_sql("delete from kill_switches")

    def transaction(self, database: str, role: str) -> AbstractContextManager[Connection]:
        """Open a transaction on `user_psql` or `shared_psql` in a role (`user`, `admin`, …, `migrator`)."""
        # Each new engine asks Postgres what it is and compiles every statement again, and a connection takes longer
        # than what most tests do with it.
        return self._engine(setting(f"{database.upper()}_URL"), database, role).begin()

    def _new_engine(self, _url: str, database: str, role: str) -> Engine:
        # By another name, since the connections of a relay, for one, are counted.
        engine = connect(database, role, pool=QueuePool, application="tests")
        self._engines.append(engine)
        return engine


@contextmanager
def isolated(session: Path, ports: Ports, worker: str) -> Iterator[Environment]:
    """Make a worker's environment, put its settings into the environment, and leave nothing of it running."""
    env = Environment(session, ports, worker)
    os.environ.update(env.environment())
    server = redis_server.start(f"user_redis_{worker}", env.ports.user_redis, run=session, durable=False)
    try:
        server.wait_until(lambda: redis_server.answers(env.ports.user_redis))
        env.renew()
        yield env
        env.disconnect()
    finally:
        server.stop()
