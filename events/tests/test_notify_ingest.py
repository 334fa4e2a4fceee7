"""Bare NOTIFYs on the channel `events`, from what knows no outbox."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from events.catalog.agents import AgentCreated
from events.catalog.systems import NoticePosted
from tools.harness.path import RECEIVE_ALL, EventPath

Eventually = Callable[..., Any]

DATA = {"notice_id": "notice-foreign", "text": "s"}


def notify(path: EventPath, payload: str, eventually: Eventually) -> None:
    eventually(lambda: "listening for what others say" in path.log("relay"))
    path.query("select pg_notify('events', :payload)", payload=payload)


def test_one_of_the_documented_form_is_an_event(path: EventPath, eventually: Eventually) -> None:
    notify(path, json.dumps({"type": NoticePosted.type, "subject": "notice-foreign", "data": DATA}), eventually)
    eventually(lambda: "notice-foreign" in path.recorder.subjects(RECEIVE_ALL.function))
    [event] = [each for each in path.recorder.handled[RECEIVE_ALL.function] if each["subject"] == "notice-foreign"]
    assert (event["actor"], event["source"], event["data"]) == ("notify", "/notify/shared_psql", DATA)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("", "not JSON"),
        ("schön", "not JSON"),
        ("[1]", "not an object of type, subject and data"),
        (json.dumps({"type": NoticePosted.type, "subject": "x", "data": DATA, "more": 1}), "not an object of type"),
        (json.dumps({"type": "com.botberi.thing.unheard_of.v1", "subject": "x", "data": {}}), "no such type"),
        (json.dumps({"type": NoticePosted.type, "subject": "agt_1", "data": {}}), "does not fit"),
        (json.dumps({"type": AgentCreated.type, "subject": "a", "data": {"agent_id": "a", "slug": "s"}}), "may say"),
        (json.dumps({"type": NoticePosted.type, "subject": "agt_1", "data": DATA}), "not the data's notice_id"),
    ],
)
def test_any_other_is_a_dead_letter_with_its_text(
    path: EventPath, eventually: Eventually, payload: str, why: str
) -> None:
    path.query("delete from dead_letters")
    notify(path, payload, eventually)
    [[detail, text]] = eventually(lambda: path.query("select detail, event from dead_letters"))
    assert why in detail
    assert text == payload
