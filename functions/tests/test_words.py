"""The words that went stay away: each meant something here alone, and the glossary has the field's word for it."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from events.contracts.tests.committed import NoHistoryError, git

ROOT: Final = Path(__file__).resolve().parents[2]

GONE: Final = {
    "Letter": "OutboxRecord",
    "Lanes?|lanes": "key queues",
    "[Ss]hel(f|ve|ved|ves)|unshelve": "retry store, defer",
    "[Dd]oorbell|ring_relay|BellsMissed": "wake-up notification",
    "Outlook|outlook": "outbox statistics",
    "Gatekeeper": "validation",
    "[Aa]ilments?|[Hh]indrances?": "checks, readiness",
    "burial|graves": "dead letters",
    "WATCH_LISTEN": "MONITORING_LISTEN",
    "PAUSING_TYPES": "BLOCKING_TYPES",
    "POOLERS": "PgBouncer, by its exporter",
    "RelayRestless": "RelayReconnects",
    "TurnLostError|OutdatedTurnError|lease_nonce": "lease, fencing token, lease owner",
    "[Ww]ish(es)?": "command",
    "[Ss]peakers?|[Hh]earers?|said_by|event_speakers": "producers, consumers",
    "Occurrence|[Ff]arewell": "event, close",
    "[Rr]efusals?": "API error",
    "surfaces?|SURFACES?": "API",
    "leftovers|private_process|PrivateProcess|only_one": "orphans, managed process, lock",
    "take_in_events|resolve_letters": "ingest_events, resolve_dead_letters",
}
"""By regular expression, as whole words, with what is said instead."""

NOT_OURS: Final = ("deploy/requirements/", "functions/runtime/swagger/", "deploy/asyncapi/package")
"""Lock files and copies of others' work."""


@cache
def texts() -> dict[str, str]:
    try:
        listed = git(ROOT, "ls-files").decode().splitlines()
    except NoHistoryError as error:
        pytest.skip(f"nothing lists the files: {error}")
    ours = [ROOT / name for name in listed if not name.startswith(NOT_OURS)]
    return {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8", errors="ignore")
        for file in ours
        if file.is_file() and file != Path(__file__)
    }


@pytest.mark.parametrize("word", GONE)
def test_a_word_that_went_stands_nowhere(word: str) -> None:
    found = re.compile(rf"\b({word})\b")
    assert [name for name, text in texts().items() if found.search(text)] == [], f"say {GONE[word]}"


def test_the_glossary_is_short_and_sorted() -> None:
    rows = re.findall(
        r"^\| (?!word|---)([^|]+) \|", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == sorted(rows, key=str.casefold)
    assert len(rows) <= 40
