"""The agent of the benchmark. It is published as it stands here, and imports nothing of this project.

It says how late it is by its clock, so that what came before can be told from what comes after, and then as many words
as it is asked for, with a pause after each.
"""

import time
from collections.abc import Iterator

import flask


def agent(request: flask.Request) -> Iterator[str]:
    """Say the time, and then words: the message tells how many, and the milliseconds after each."""
    # Whoever only sees whether it is there sends nothing.
    told = request.get_json(silent=True) or {"text": "0 0"}
    words, pause = map(int, told["text"].split())
    yield f"{time.time()} "
    for number in range(words):
        if pause:
            time.sleep(pause / 1000)
        yield f"word {number} "
