"""echo: says back what it is told. A first agent to try, and a pattern for writing others.

Its config may hold `greeting`, said before the first answer after a start, and `prefix`, put before every answer.
"""

import json
import os
from functools import cache
from itertools import count
from pathlib import Path

import flask

_answers = count()


@cache
def config() -> dict[str, str]:
    """Read the instance's config once."""
    return json.loads(Path(os.environ["AGENT_CONFIG"]).read_text(encoding="utf-8"))


def agent(request: flask.Request) -> dict[str, str]:
    """Answer `{"id", "text"}` with `{"text"}`."""
    text = config().get("prefix", "") + request.get_json()["text"]
    greeting = config().get("greeting")
    if greeting and next(_answers) == 0:
        text = f"{greeting}\n{text}"
    return {"text": text}
