"""CloudEvents' SDK and our own readings agree on every event that we take, and where it takes more we know why not."""

import json
from typing import Any, Final

import flask
import pytest
from cloudevents.conversion import to_binary, to_json, to_structured
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http, from_json
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from events import wire
from events.catalog.systems import RecordChanged
from events.contracts import contracts
from events.dispatcher.delivery import received
from events.dispatcher.validation import Validator
from events.wire import NotAnEventError
from functions.broker.publish_event import NewEvent
from functions.runtime.providers.body import bodies, json_body
from functions.schemas.cloud_events import BatchBody, CloudEventBody

Json = dict[str, Any]

TIME: Final = "2018-04-05T17:31:00Z"

# Of the SDK's documentation and tests, and of the specification, with a subject, which we ask for.
SAID: Final[list[tuple[Json, Json]]] = [
    ({"type": "com.example.sampletype1", "source": "https://example.com/event-producer"}, {"message": "Hello World!"}),
    ({"type": "com.example.string", "source": "https://example.com/event-producer", "ext1": "testval"}, {"a": ["b"]}),
    ({"type": "word.found.name", "source": "pytest", "id": "16fb5f0b-211e-1102-3dfe-ea6e2806f124"}, {}),
    (
        {
            "type": "com.github.pull_request.opened",
            "source": "https://github.com/cloudevents/spec/pull",
            "id": "A234-1234-1234",
            "comexampleextension1": "value",
            "comexampleothervalue": "5",
            "datacontenttype": "application/vnd.example+json",
        },
        {"appinfoA": "abc", "appinfoB": 123, "appinfoC": True, "nested": {"payload-2": None, "ä": 1.5}},
    ),
]

attributes = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"%'), min_size=1)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=9,
)
ids = attributes.filter(lambda text: len(text) <= 200)
said = st.tuples(
    st.fixed_dictionaries(
        {"type": ids, "source": st.from_regex(r"/[a-z]{1,9}(/[A-Za-z0-9._~-]{0,9}){0,3}", fullmatch=True), "id": ids},
        optional={"partitionkey": ids, "correlationid": ids, "myextension": ids},
    ),
    st.dictionaries(words, anything, max_size=4),
)


def event(attributes: Json, data: Json) -> CloudEvent:
    return CloudEvent({"subject": "123", "time": TIME} | attributes, data)


def posted(headers: dict[str, str], body: bytes, model: object = NewEvent | CloudEventBody) -> Any:
    """Return what the endpoints that publish make of a request."""
    request = flask.Request(EnvironBuilder(method="POST", headers=[*headers.items()], data=body).get_environ())
    return json_body(request, bodies(model), wire.MAX_EVENT_BYTES)


def bare(event: CloudEvent) -> Json:
    return {name: value for name, value in event.get_attributes().items() if name != "datacontenttype"}


def agree(theirs: CloudEvent) -> None:
    """Compare what each of our readings makes of an event with what the SDK has put into it."""
    told, data = theirs.get_attributes(), theirs.get_data()
    headers, body = to_structured(theirs)
    ours = wire.decode(body)
    again = from_json(json.dumps(wire.document(ours)))
    for read in (from_http(headers, body), again):
        # Without the data's media type, of which we have one.
        assert (read.get_data(), bare(read)) == (data, bare(theirs))
    delivery = received(1, 1, body)
    assert (delivery.event_id, delivery.source, delivery.subject) == (told["id"], told["source"], told["subject"])
    batch = posted({"Content-Type": wire.BATCH_CONTENT_TYPE}, b"[" + body + b"]", BatchBody).root
    for published in (posted(headers, body), posted(*to_binary(theirs)), *batch):
        draft = published.draft()
        assert (draft.id, draft.source, draft.type, draft.data) == (told["id"], told["source"], told["type"], data)
        assert (draft.subject, draft.correlationid) == (told["subject"], told.get("correlationid"))


@pytest.mark.parametrize("example", SAID, ids=lambda each: each[0]["type"])
def test_the_sdks_own_examples_are_read_as_it_reads_them(example: tuple[Json, Json]) -> None:
    agree(event(*example))


@given(said)
def test_any_event_is_read_as_the_sdk_reads_it(example: tuple[Json, Json]) -> None:
    agree(event(*example))


@given(ids, ids)
def test_what_becomes_a_notify_is_what_the_sdk_has_written(name: str, subject: str) -> None:
    example = contracts.example(RecordChanged) | {"id": name, "subject": subject, "channel": "orders"}
    body = to_json(from_json(json.dumps(example)))
    taken = Validator({RecordChanged.type: RecordChanged}).validate(body)
    assert (taken.source, taken.id, taken.channel, json.loads(taken.event)) == (
        *(example[each] for each in ("source", "id", "channel")),
        example,
    )


WHOLE: Final = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "s", "time": TIME, "data": {}}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({name: value for name, value in WHOLE.items() if name != "subject"}),
        json.dumps({name: value for name, value in WHOLE.items() if name != "time"}),
        json.dumps(WHOLE | {"id": 7}),
        json.dumps(WHOLE | {"id": 'a "quote"'}),
        json.dumps(WHOLE | {"time": "yesterday"}),
        json.dumps(WHOLE | {"no-name": "x"}),
        json.dumps(WHOLE | {"data": "text"}),
        json.dumps({name: value for name, value in WHOLE.items() if name != "data"} | {"data_base64": "e30="}),
        json.dumps(WHOLE)[:-1] + ', "extra": NaN}',
    ],
)
def test_what_the_sdk_takes_and_we_must_not(body: str) -> None:
    assert from_json(body)["specversion"] == "1.0"
    with pytest.raises(NotAnEventError):
        wire.decode(body.encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"specversion": "1.0"}', b'{"specversion": "0.2", "id": "1"}'])
def test_what_the_sdk_refuses_we_refuse(body: bytes) -> None:
    with pytest.raises(GenericException):
        from_http({"content-type": wire.CONTENT_TYPE}, body)
    with pytest.raises(NotAnEventError):
        wire.decode(body)
