"""The rows of the accounts' table: what each figure is made of, and what it must reach."""

from collections.abc import Sequence
from typing import Final

from tools.bench.rows import Row, only, ratio


def _with_postgres(values: Sequence[float]) -> float:
    """Return the first input, divided by all others together."""
    return values[0] / sum(values[1:])


ROWS: Final = (
    Row("log-ins per second and core ÷ bare verifications of argon2", ("argon2", "login_host"), ratio, 0.9),
    Row("the same, with Postgres' share of a log-in", ("argon2", "login_host", "login_postgres"), _with_postgres, 0.75),
    Row("refreshes a second ÷ answers with a constant", ("refresh", "constant"), ratio, 0.05),
    Row("GET /v1/me a second ÷ answers with a constant", ("me", "constant"), ratio, 0.2),
    Row("signing up, known and unknown addresses: p of a Mann-Whitney test", ("register_p",), only, 0.01),
    Row("the same of forgotten passwords", ("forgot_p",), only, 0.01),
    Row("the same of wrong passwords", ("wrong_p",), only, 0.01),
)

RAW: Final = {
    "argon2": "processor's time of a bare verification, ms",
    "login_host": "processor's time of a log-in in the functions' host, ms",
    "login_postgres": "the same in Postgres, ms",
    "constant": "answers with a constant a second",
    "me": "GET /v1/me a second",
    "refresh": "refreshes a second",
    "register_known": "signing up with a known address, p50, ms",
    "register_unknown": "signing up with an unknown address, p50, ms",
    "forgot_known": "asking for a mail to a known address, p50, ms",
    "forgot_unknown": "asking for a mail to an unknown address, p50, ms",
    "wrong_known": "a wrong password of a known address, p50, ms",
    "wrong_unknown": "a password of an unknown address, p50, ms",
}
"""What the figures were made of, shown below the table."""
