"""Log-ins beside bare verifications of argon2, and what a session costs beside a constant answer."""

import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import Final

from provisioning.local_settings import LOOPBACK
from tools.bench import wrk
from tools.bench.accounts.environment import PASSWORD, AccountsEnvironment
from tools.bench.rows import Sample
from tools.documents import Document

LOGINS: Final = 200

TURNS: Final = 10
"""In which log-ins and bare verifications follow each other."""

CONNECTIONS: Final = 4

SECONDS: Final = 6

_ME: Final = 'wrk.headers["Authorization"] = "Bearer {token}"\n'

_REFRESH: Final = """
local pool = {{ {tokens} }}
function request()
  local body = '{{"refresh_token": "' .. table.remove(pool, 1) .. '"}}'
  return wrk.format("POST", nil, {{ ["Content-Type"] = "application/json" }}, body)
end
function response(status, headers, body)
  pool[#pool + 1] = string.match(body, '"refresh_token": *"([^"]+)"')
end
"""
"""Each answer has the token for another request."""


def cost(env: AccountsEnvironment, size: float) -> Sample:
    """Return the processor's milliseconds of a log-in, in the host and in Postgres, and of a bare verification."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher()
    each = max(2, int(LOGINS * size / TURNS))
    emails = env.people(each)
    _log_in(env, emails[0])
    host = database = bare = 0.0
    for _ in range(TURNS):
        before = env.spent()
        for email in emails:
            _log_in(env, email)
        after = env.spent()
        host, database = host + after[0] - before[0], database + after[1] - before[1]
        began = time.process_time()
        for _ in emails:
            # By the parameters that stand in the hash.
            hasher.verify(env.password_hash, PASSWORD)
        bare += time.process_time() - began
    done = TURNS * each / 1000
    return {"login_host": host / done, "login_postgres": database / done, "argon2": bare / done}


def rates(env: AccountsEnvironment, size: float) -> Sample:
    """Return how often a second the host answers a constant, reads an account, and refreshes sessions."""
    seconds = max(1.0, SECONDS * size)
    pairs = [_log_in(env, email) for email in env.people(2 * CONNECTIONS)]
    tokens = ", ".join(f'"{pair["refresh_token"]}"' for pair in pairs)
    scripts = {
        "constant": ("/_/health", ""),
        "me": ("/v1/me", _ME.format(token=pairs[0]["access_token"])),
        "refresh": ("/v1/auth/refresh", _REFRESH.format(tokens=tokens)),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, text) in scripts.items():
            script = Path(folder) / f"{name}.lua"
            script.write_text(text, encoding="utf-8")
            url = f"http://{LOOPBACK}:{env.ports.user}{path}"
            found[name] = wrk.rate(url, connections=CONNECTIONS, seconds=seconds, script=script)
    return found


def _log_in(env: AccountsEnvironment, email: str) -> Document:
    with env.connection() as connection:
        return env.post(connection, "/v1/auth/login", {"email": email, "password": PASSWORD}, HTTPStatus.OK)
