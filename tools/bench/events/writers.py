"""What capture costs those who write: commits a second of sixteen writers, with and without an event in each."""

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from core.configuration import secret
from tools.harness.environment import DATABASE, TYPE, BenchEnvironment
from tools.local.servers.binaries import find

WRITERS: Final = 16

_PLAIN: Final = """\\set n random(1, 1000)
begin;
insert into bench_rows (subject, note) values ('agt_' || :n, 'a row of the business');
commit;
"""

_EMIT: Final = f"""
select emit_event('{TYPE}', 'agt_' || :n, jsonb_build_object('agent_id', 'agt_' || :n, 'slug', 'n' || :n));
commit;
"""

# As emit() does it: in the COMMIT's round trip.
_RIDING: Final = _PLAIN.replace("\ncommit;\n", f"\n\\startpipeline{_EMIT}\\endpipeline\n")

_WAITING: Final = _PLAIN.replace("\ncommit;\n", _EMIT)


def once(env: BenchEnvironment, size: float) -> dict[str, float]:
    """Return the rates, and what the relay did meanwhile in statements and NOTIFYs, counted exactly."""
    env.run("create table if not exists bench_rows (id bigserial primary key, subject text, note text)")
    env.run("grant insert on bench_rows to botberi_admin")
    env.run("grant usage on sequence bench_rows_id_seq to botberi_admin")
    seconds = max(2, round(5 * size))
    plain = _commits(env, _PLAIN, seconds)
    env.start_relay()
    env.emit(1000)
    with ThreadPoolExecutor(1) as pool:
        commits = pool.submit(_commits, env, _RIDING, seconds)
        counted = _count(env, commits)
        captured = commits.result()
    waiting = _commits(env, _WAITING, seconds)
    env.wait_delivered()
    env.stop("relay")
    env.purge()
    return {
        "plain_commits": plain,
        "captured_commits": captured,
        "waiting_commits": waiting,
        **counted,
    }


def _count(env: BenchEnvironment, commits: Future[float]) -> dict[str, float]:
    """Count while the writers write and the relay is awake: after their first second, until they have finished."""
    time.sleep(1)
    env.run("select pg_stat_statements_reset()")
    began, before = time.monotonic(), _delivered(env)
    while not commits.done():
        statements, notified, at = _statements(env), _notified(env), time.monotonic()
        time.sleep(0.1)
    delivered = _delivered(env) - before
    return {
        "statements_beside_writers": 1000 * statements / max(1, delivered),
        "notifies": notified,
        "delivered_beside_writers": delivered / (at - began),
    }


def drain(env: BenchEnvironment, size: float) -> dict[str, float]:
    """Return the relay's statements for each thousand events of a backlog."""
    count = int(50_000 * size)
    env.start_relay()
    env.wait_delivered()
    # It should sleep when the events come: awake it would look around while they are being written.
    time.sleep(1)
    env.run("select pg_stat_statements_reset()")
    env.emit(count)
    env.wait_delivered()
    statements = _statements(env)
    env.stop("relay")
    env.purge()
    return {"statements_at_load": 1000 * statements / count}


def _commits(env: BenchEnvironment, script: str, seconds: int) -> float:
    file = env.folder / "script.sql"
    file.write_text(script)
    told = env.program(
        *(str(find("pgbench")), "--no-vacuum", "-M", "prepared", "-c", str(WRITERS), "-j", "2", "-T", str(seconds)),
        *("-h", "127.0.0.1", "-p", str(env.ports.shared_psql), "-U", "botberi_admin", "-f", str(file), DATABASE),
        env={"PGPASSWORD": secret("shared-psql-admin")},
    )
    found = re.search(r"tps = ([0-9.]+)", told)
    if found is None:
        raise RuntimeError(told)
    return float(found[1])


def _statements(env: BenchEnvironment) -> int:
    [[count]] = env.run(
        "select coalesce(sum(calls), 0)::bigint from pg_stat_statements s join pg_roles r on r.oid = s.userid "
        "where rolname = 'botberi_relay' and toplevel"
    )
    return int(count)


def _notified(env: BenchEnvironment) -> int:
    [[count]] = env.run(
        "select coalesce(sum(calls), 0)::bigint from pg_stat_statements where query ilike 'notify botberi_outbox%'"
    )
    return int(count)


def _delivered(env: BenchEnvironment) -> int:
    [[count]] = env.run("select count(*) from outbox, relay_cursor where pg_visible_in_snapshot(xid, s1)")
    return int(count)
