"""faq: answers from the questions and answers in its config, and says so when it doesn't know.

Its config holds `questions` (`[{"question", "answer"}]`), and may hold `threshold` (0 to 1, default 0.4) and `unknown`,
what is said when no question is alike enough.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import flask
import similarity

UNKNOWN = "I don't know the answer to that."


@cache
def config() -> dict[str, Any]:
    """Read the instance's config once."""
    return json.loads(Path(os.environ["AGENT_CONFIG"]).read_text(encoding="utf-8"))


@cache
def known() -> similarity.Index:
    """Build the index over the config's questions once."""
    return similarity.Index([entry["question"] for entry in config()["questions"]])


def agent(request: flask.Request) -> dict[str, str]:
    """Answer `{"id", "text"}` with `{"text"}`."""
    place, alike = known().best(request.get_json()["text"])
    if alike < config().get("threshold", 0.4):
        return {"text": config().get("unknown", UNKNOWN)}
    return {"text": config()["questions"][place]["answer"]}
