"""The catalog's promises: committed schemas and examples, and the same event at both ends of the wire."""

import json
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from cloudevents.conversion import to_json
from cloudevents.http import from_json
from hypothesis import given, settings
from hypothesis import strategies as st

from events import envelope, wire
from events.catalog.load import load
from events.contracts import contracts
from events.event import GRAMMAR, Event
from events.wire import CloudEvent

TYPES: Final = sorted(load().values(), key=lambda model: model.type)

every_type = pytest.mark.parametrize("model", TYPES, ids=lambda model: model.type)


def test_the_committed_files_are_what_the_models_say() -> None:
    assert contracts.check() == [], "run `python -m events.contracts.contracts`"


def test_a_stale_or_needless_file_is_found_and_mended(tmp_path: Path) -> None:
    contracts.write(tmp_path)
    folder = tmp_path / contracts.FOLDER / "schemas"
    (folder / f"{TYPES[0].type}.json").write_text("{}")
    (folder / "com.botberi.thing.gone.v1.json").write_text("{}")
    assert len(contracts.check(tmp_path)) == 2
    contracts.write(tmp_path)
    assert contracts.check(tmp_path) == []


@every_type
def test_the_example_is_an_event_that_fits_schema_and_model(model: type[Event]) -> None:
    text = (contracts.ROOT / contracts.FOLDER / "examples" / f"{model.type}.json").read_bytes()
    event = wire.decode(text)
    assert event.type == model.type
    jsonschema.validate(event.data, contracts.schema(model), jsonschema.Draft202012Validator)
    assert model.model_validate(event.data).subject == event.subject


@every_type
def test_the_example_survives_the_wire_and_the_model_unchanged(model: type[Event]) -> None:
    example = contracts.example(model)
    assert wire.document(wire.decode(json.dumps(example).encode())) == example
    assert json.loads(model.model_validate(example["data"]).model_dump_json()) == example["data"]


@every_type
def test_the_official_sdk_reads_the_example_as_we_do(model: type[Event]) -> None:
    text = json.dumps(contracts.example(model))
    theirs, ours = from_json(text), wire.decode(text.encode())
    assert (theirs["id"], theirs["source"], theirs["dataschema"]) == (ours.id, ours.source, ours.dataschema)
    assert theirs.data == ours.data
    assert json.loads(to_json(theirs)) == json.loads(text)


@pytest.mark.parametrize("address", ["ftp://x", "example.com", "http://two words", 'http://x"y', "https://ü"])
def test_what_is_no_address_of_an_api_is_said(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("API_URL", address)
    with pytest.raises(ValueError, match=r"API_URL is .*, which is no address"):
        envelope.api()


@every_type
def test_every_type_says_what_happened(model: type[Event]) -> None:
    assert GRAMMAR.match(model.type)
    assert (model.__doc__ or "").strip().endswith(".")


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


attribute = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'), min_size=1)
data = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
).filter(_encodable)


@given(attribute, attribute, data, st.dictionaries(st.from_regex(r"x[a-z0-9]{1,19}", fullmatch=True), attribute))
@settings(deadline=None)
def test_any_event_comes_off_the_wire_as_it_went_on(name: str, subject: str, body: Any, more: dict[str, str]) -> None:
    extensions = tuple(sorted(more.items()))
    event = CloudEvent(name, "/s", "t", subject, "2026-01-02T03:04:05Z", body, extensions=extensions)
    assert wire.decode(to_json(from_json(json.dumps(wire.document(event))))) == event


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"[]",
        b'{"specversion": "1.0"}',
        b"\xff\xfe",
        b'{"data": NaN}',
        b"[" * 100_000,
        {"subject": 'a "quote"'},
        {"subject": " led by a space"},
        {"subject": "line\n"},
        {"id": 7},
        {"time": "2026-01-02T03:04:05"},
        {"data": [1]},
        {"data": None},
        {"Extension": "x"},
        {"dataschema": 3},
        {"datacontenttype": "text/plain"},
    ],
)
def test_what_is_no_event_is_refused_and_says_why(spoilt: bytes | dict[str, Any]) -> None:
    body = spoilt if isinstance(spoilt, bytes) else json.dumps(contracts.example(TYPES[0]) | spoilt).encode()
    with pytest.raises(wire.NotAnEventError, match=r"\w+ \w+"):
        wire.decode(body)
