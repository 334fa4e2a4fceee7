"""`make bench-functions`: functions beside a bare one and FastAPI, in one run."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from functions.runtime.functions import declarations
from provisioning import local_settings, secrets_folder
from provisioning.local_settings import ROOT
from tools.bench.http import measure
from tools.bench.http.measure import Rate, Start, running, typical
from tools.local.ports import free_ports
from tools.local.servers import postgres_server
from tools.pages import aligned

HERE: Final = Path(__file__).parent
PLANTED: Final = HERE / "user"
"""Named as an API is: its functions come to the database in that API's role."""
VENV: Final = ROOT / "build" / "bench"
PYTHON: Final = str(VENV / "bin" / "python")
HEALTH: Final = "/_/health"
TURNS: Final = 15
"""Starts of the bare function, between which all others are spread."""
FASTAPI: Final = (PYTHON, "-m", "uvicorn", "--app-dir", str(PLANTED), "fast_api:app", "--log-level", "error", "--port")

TABLE: Final = """
create table rows (id text primary key, name text not null, summary text not null);
insert into rows select 'row' || i, 'name ' || i, repeat('s', 100) from generate_series(1, 1000) i;
grant select on rows to botberi_user;
"""


def prepare() -> None:
    """Make an environment of its own from the lock, with byte code."""
    if not (VENV / "bin" / "uvicorn").exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
        lock = str(ROOT / "deploy" / "requirements" / "bench.txt")
        uv = [str(ROOT / ".venv" / "bin" / "uv"), "pip", "install", "--quiet", "--compile-bytecode", "--require-hashes"]
        subprocess.run([*uv, "--python", PYTHON, "--requirement", lock], check=True)
    source = [str(ROOT / part) for part in ("core", "events", "functions", "shared_psql_models")]
    environment = {**os.environ, **_byte_code()}
    subprocess.run([PYTHON, "-m", "compileall", "-q", *source], check=True, env=environment)


def _byte_code() -> dict[str, str]:
    return {"PYTHONPYCACHEPREFIX": str(ROOT / "build" / "byte-code"), "PYTHONDONTWRITEBYTECODE": ""}


@contextmanager
def surroundings() -> Iterator[dict[str, str]]:
    """Run a Postgres with the row, and return the environment of a function that reads it."""
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory() as name:
        run = Path(name)
        run.chmod(0o755)
        secrets_folder.fill(run / "secrets")
        superuser = (run / "secrets" / "psql-superuser").read_text()
        password = (run / "secrets" / "shared-psql-user").read_text()
        server = postgres_server.start("shared_psql", port, run=run, password=superuser, durable=False)
        try:
            server.wait_until(lambda: postgres_server.answers(port, superuser))
            with closing(postgres_server.connect(port, superuser)) as connection:
                connection.run(f"create role botberi_user login password '{password}'")
                connection.run(TABLE)
            ports = local_settings.Ports(user_psql=port, shared_psql=port, user_redis=1)
            settings = local_settings.environment(run, ports, user_database="postgres", shared_database="postgres")
            own = {"SHARED_PSQL_USER": password, "THREADS": "4"}
            yield {**os.environ, **settings, **_byte_code(), **own}
        finally:
            server.stop()


def served(server: str, name: str) -> tuple[str, ...]:
    """Return the command that serves a planted function."""
    return (PYTHON, str(HERE / "serve.py"), server, str(PLANTED / f"{name}.py"))


def started(command: tuple[str, ...], environment: dict[str, str], path: str) -> Start:
    """Start a server, and return what that took."""
    with running(command, environment, path) as (_port, start):
        return start


def under_load(command: tuple[str, ...], environment: dict[str, str], path: str) -> Rate:
    """Return the rate at which a server answers `path`."""
    with running(command, environment, path) as (port, start):
        return measure.rate(port, path, start.processes)


def compare_functions(environment: dict[str, str]) -> None:
    """Print how the project's functions stand beside a bare one and FastAPI, each in turn with its opponent."""
    bare, row, functions = _starts_in_turn(environment)
    starts = {"bare hello": bare, "median function": functions, "a row, to its first answer": row}
    costs = [(name, f"{each.wall:.0f}", f"{each.processor:.0f}", f"{each.memory:.0f}") for name, each in starts.items()]
    _say(aligned([("", "start ms", "CPU ms", "PSS MB"), *costs]))
    _ratio("cold start, median function : bare hello", functions.wall / bare.wall, "2.4 at most, aim 1.3")
    _ratio("the same in processor time", functions.processor / bare.processor, "")
    _ratio("to the first row from the database, in processor time", row.processor / bare.processor, "")
    _ratio("idle memory, median function : bare hello", functions.memory / bare.memory, "2 at most, aim 1.4")
    ours, opponent = _rates_in_turn(environment)
    rates = {"ours": ours, "FastAPI": opponent}
    loads = [(name, f"{each.per_second:.0f}", f"{each.processor:.0f}") for name, each in rates.items()]
    _say(aligned([("", "rows/s", "CPU us a request"), *loads]))
    _ratio("GET of one row, ours : FastAPI", ours.per_second / opponent.per_second, "0.5 at least, aim 1")
    _ratio("the same in processor time", opponent.processor / ours.processor, "")


def _starts_in_turn(environment: dict[str, str]) -> tuple[Start, Start, Start]:
    found: tuple[list[Start], list[Start], list[Start]] = ([], [], [])
    names = [each.name for each in declarations()]
    for turn in range(TURNS):
        found[0].append(started(served("bare", "bare_hello"), environment, "/"))
        found[1].append(started(served("ours", "read_row"), environment, "/rows/row7"))
        # Every function once, spread over the turns.
        for name in names[turn::TURNS]:
            found[2].append(started((PYTHON, str(HERE / "serve.py"), "declared", name), environment, HEALTH))
    return typical(found[0]), typical(found[1]), typical(found[2])


def _rates_in_turn(environment: dict[str, str]) -> tuple[Rate, Rate]:
    ours, opponent = [], []
    for _ in range(measure.REPETITIONS):
        ours.append(under_load(served("ours", "read_row"), environment, "/rows/row7"))
        opponent.append(under_load(FASTAPI, environment, "/rows/row7"))
    return measure.usual(ours), measure.usual(opponent)


def _ratio(what: str, found: float, target: str) -> None:
    _say(f"{what:<60} {found:.2f}   {target}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print everything."""
    prepare()
    with surroundings() as environment:
        compare_functions(environment)


if __name__ == "__main__":
    main()
