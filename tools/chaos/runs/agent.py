"""The agent of the runs that are hurt. It is published as it stands here, and imports nothing of this project.

What it is to do is the message, in JSON. Before it says anything it notes in the ledger, which outlives it, what it is
going to say, and at the end that it has.
"""

import json
import random
import secrets
import socket
import time
from collections.abc import Iterator

import flask

ALPHABETS = (
    "the quick brown fox",
    "żółć gęślą jaźń",
    "быстрая лиса",
    "快速的棕色狐狸",
    "敏捷な茶色の狐",
    "👩‍👩‍👧‍👦🏳️‍🌈🇪🇺",
    "عربى",
    "नमस्ते",
    "e\u0301\u0302",
)


def agent(request: flask.Request) -> Iterator[str | dict[str, object]]:
    """Say what is wanted of the part that this call is: one begins with each answer."""
    message = request.get_json()
    wanted = json.loads(message["text"])
    part = message["answer"]["value"] if "answer" in message else 0
    said = pieces(wanted["key"], part, message["attempt"], wanted["pieces"])
    fails = message["attempt"] <= wanted["fails"]
    with (
        socket.create_connection(("127.0.0.1", wanted["ledger"]), timeout=60) as connection,
        connection.makefile("rw") as ledger,
    ):

        def note(how: str, **more: str) -> None:
            about = {"key": wanted["key"], "attempt": message["attempt"], "part": part, "nonce": nonce, "how": how}
            ledger.write(json.dumps(about | more) + "\n")
            ledger.flush()
            ledger.readline()

        nonce = secrets.token_hex(8)
        note("begun", text="".join(said))
        for number, piece in enumerate(said):
            yield piece
            time.sleep(wanted["pause"])
            if number == len(said) // 3:
                yield {"type": "status", "text": f"a third of {wanted['key']}"}
                yield {"type": "data", "name": "place", "data": {"number": number, "piece": piece}}
            if fails and number == len(said) // 2:
                note("raised")
                raise ValueError("as it was told to")
        yield {"type": "usage", "output_tokens": len(said)}
        if part < wanted["asks"]:
            note("asked")
            yield {"type": "input", "text": f"Which is {part + 1}?", "schema": {"const": part + 1}}
        else:
            note("finished")


def pieces(key: str, part: int, attempt: int, count: int) -> list[str]:
    """Return what is said: a first piece that names the call, and words of several scripts."""
    chance = random.Random(f"{key} {part} {attempt}")
    words = [chance.choice(chance.choice(ALPHABETS).split()) for _ in range(count)]
    return [f"[{key} {part} {attempt}] ", *(f"{word} " for word in words)]
