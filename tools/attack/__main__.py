"""`make attack-http`: requests that nobody should get anywhere with, against a running installation.

Every function under other spellings of its address, every route with tokens that are good for nothing or for something
else, other people's things, forged events, and a throttle that is to be walked around. Prints a table, and exits with 1
if anything was let through. It makes accounts and an instance of its own, and deletes the instance.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cli.administrator import FirstAdministrator
from functions.runtime.functions import declarations
from provisioning.local_settings import ROOT, Ports
from tools.attack import intruders, probes
from tools.attack.probes import Probe
from tools.attack.sending import Sender
from tools.attack.spellings import spellings
from tools.local.errors import LocalError
from tools.pages import aligned

GUESSES: Final = 150
"""Log-ins that are tried, one after the other."""

ALLOWED_GUESSES: Final = 75
"""More than any edge with settings like ours lets pass of them."""

SHOWN: Final = 20

Outcome = tuple[Probe, int]


def main(arguments: Sequence[str] | None = None) -> None:
    """Attack, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="attack-http", description=__doc__)
    parser.add_argument("--api", default=f"http://localhost:{Ports().edge}", help="default: %(default)s")
    parser.add_argument(
        "--secrets",
        type=Path,
        default=ROOT / ".local",
        help="the folder with the file `administrator`, in which or below which, in `secrets`, is the key of tokens",
    )
    parser.add_argument(
        "--subscribers", default="", help="where subscribers are, as FUNCTIONS_URL: they are attacked too"
    )
    told = parser.parse_args(arguments)
    below = told.secrets / "secrets"
    os.environ["BOTBERI_SECRETS"] = str(below if below.is_dir() else told.secrets)
    try:
        outcomes = list(attack(told.api, told.secrets, told.subscribers))
    except LocalError as error:
        sys.exit(f"botberi: {error}")
    sys.exit(report(outcomes))


def attack(api: str, secrets: Path, subscribers: str) -> Iterator[Outcome]:
    """Send every probe and yield it with the status of its answer."""
    every, sender = declarations(), Sender(api)
    owner, stranger = intruders.user(sender), intruders.user(sender)
    administrator = FirstAdministrator(secrets, api).token()
    # Whoever has just signed up may launch nothing yet.
    instance = intruders.instance(sender, administrator)
    try:
        yield from _sent(sender, probes.misspelt(every))
        yield from _sent(sender, probes.uninvited(every, intruders.worthless(sender, owner)))
        yield from _sent(sender, probes.unentitled(every, intruders.narrowed(owner)))
        yield from _sent(sender, probes.of_somebody_else(every, stranger, instance_id=instance))
        yield from _sent(sender, probes.forged({"a user": owner, "an administrator": administrator}))
    finally:
        sender.ask("DELETE", f"/v1/instances/{instance}", None, administrator)
    if subscribers:
        form = urlsplit(subscribers)
        yield from _sent(Sender(f"{form.scheme}://{form.netloc}"), probes.delivered(every, form.path or "/"))
    # The last, since nobody can log in from here for a while afterwards.
    yield from _guesses(sender)


def _sent(sender: Sender, sending: Iterable[Probe]) -> Iterator[Outcome]:
    for probe in sending:
        yield probe, sender.patient_status(probe.method, probe.target, probe.headers, probe.body)


def _guesses(sender: Sender) -> Iterator[Outcome]:
    """Guess at passwords, as if from many addresses, and by many spellings of the address."""
    login = "/v1/auth/login"
    body = b'{"email": "admin@botberi.example", "password": "a wrong password"}'
    others = list(spellings(login, by=probes.DETOUR))
    stopped = frozenset({*probes.NO_ADDRESS, HTTPStatus.TOO_MANY_REQUESTS})
    taken = 0
    for number in range(GUESSES):
        target = others[number // 3 % len(others)] if number % 3 == 0 else login
        told = f"203.0.113.{number}"
        headers = {"Content-Type": "application/json", "X-Forwarded-For": told, "X-Real-Ip": told, "Forwarded": told}
        probe = Probe("guesses beyond the throttle", "login", "POST", target, stopped, headers, body)
        status = sender.status(probe.method, probe.target, probe.headers, probe.body)
        taken += status not in stopped
        yield probe, HTTPStatus.TOO_MANY_REQUESTS if taken <= ALLOWED_GUESSES else status


def report(outcomes: Sequence[Outcome]) -> int:
    """Print the table, and return how the program exits."""
    through = [(probe, status) for probe, status in outcomes if status not in probe.stopped_by]
    sent = Counter(probe.group for probe, _ in outcomes)
    passed = Counter(probe.group for probe, _ in through)
    rows = [(group, str(count), str(passed[group])) for group, count in sent.items()]
    all_of_them = ("all", str(len(outcomes)), str(len(through)))
    lines = [aligned([("attack", "probes", "let through"), *rows, all_of_them])]
    for probe, status in through[:SHOWN]:
        lines.append(f"let through: {probe.group}: {probe.who}: {probe.method} {probe.target} was answered {status}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if through else 0


if __name__ == "__main__":
    main()
