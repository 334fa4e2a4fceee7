import json
from pathlib import Path

import pytest

from events import subscriptions

EVENT = "com.botberi.agent.created.v1"


@pytest.mark.parametrize(
    ("pattern", "received"),
    [
        (EVENT, True),
        ("#", True),
        ("com.#", True),
        ("com.botberi.agent.created.v1.#", True),
        ("#.v1", True),
        ("com.botberi.*.created.v1", True),
        ("com.botberi.*.v1", False),
        ("com.botberi.agent.created.v2", False),
        ("com.botberi.agent", False),
        ("*", False),
        ("com.botberi.agent.created.v1.*", False),
        ("comxbotberi.agent.created.v1", False),
    ],
)
def test_a_queue_receives_what_its_pattern_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, received: bool
) -> None:
    file = tmp_path / "subscriptions.json"
    file.write_text(json.dumps([{"function": "receive", "queue": "botberi.receive", "types": ["com.other", pattern]}]))
    monkeypatch.setenv("SUBSCRIPTIONS", str(file))
    assert (subscriptions.queues_for(EVENT) == ["botberi.receive"]) is received
