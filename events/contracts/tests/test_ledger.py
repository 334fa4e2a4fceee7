"""A change of the catalog that would break somebody is found: beside every shape that a type ever had."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from events.contracts import contracts, ledger
from events.contracts.compatibility import breaks, shape
from events.contracts.tests import committed
from events.contracts.tests.committed import NoHistoryError, git

Json = dict[str, Any]

TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "number"}
STATE: Final = {"type": "string", "enum": ["off", "on"]}


def fields(*optional: str, **properties: Json) -> Json:
    """Return the schema of an object, whose fields are required but for those named."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "title": "Thing"}


WAS: Final = fields(
    "note",
    id=TEXT,
    state=STATE,
    size=NUMBER,
    note=TEXT | {"default": "", "maxLength": 9},
    tags={"type": "array", "items": TEXT},
)


def now(*optional: str, without: str = "", **changed: Json) -> Json:
    """Return WAS with fields changed, added or taken away."""
    kept = {name: each for name, each in WAS["properties"].items() if name != without}
    return fields(*(optional or ("note",)), **(kept | changed))


OLD: Final = "a consumer of the older schema"
NEW: Final = "an event or publisher of the older schema has"

BREAKING: Final = {
    "a field is removed": (now(without="state"), [f"{OLD} meets data.state missing", f"{OLD} misses data.state"]),
    "an optional field is removed": (now(without="note"), [f"{OLD} misses data.note"]),
    "a field is renamed": (now(without="id", name=TEXT), [f"{OLD} meets data.id missing", f"{OLD} misses data.id"]),
    "a required field is added": (now(kind=TEXT), [f"{NEW} data.kind missing"]),
    "an optional field becomes required": (now("none"), [f"{NEW} data.note missing"]),
    "a required field may be missing": (now("note", "size"), [f"{OLD} meets data.size missing"]),
    "a type becomes another": (now(id={"type": "null"}), [f"{OLD} meets null at data.id", f"{NEW} string at data.id"]),
    "a type gets narrower": (now(size={"type": "integer"}), [f"{NEW} number at data.size instead of integer"]),
    "a type gets wider": (now(id={"anyOf": [TEXT, {"type": "null"}]}), [f"{OLD} meets null at data.id"]),
    "a value is added": (now(state=STATE | {"enum": ["off", "on", "idle"]}), [f"{OLD} meets 'idle' at data.state"]),
    "a value is removed": (now(state=STATE | {"enum": ["on"]}), [f"{NEW} 'off' at data.state"]),
    "an enumeration opens": (now(state=TEXT), [f"{OLD} meets 'any string' at data.state"]),
    "a text is closed": (now(id=STATE), [f"{NEW} 'any string' at data.id"]),
    "a limit is put": (now(id=TEXT | {"minLength": 1}), [f"{NEW} less than minLength 1 at data.id"]),
    "a limit is lifted": (now(note=TEXT | {"default": "", "maxLength": 99}), [f"{OLD} meets more than maxLength 9"]),
    "a limit is tightened": (now(note=TEXT | {"default": "", "maxLength": 5}), [f"{NEW} more than maxLength 5"]),
    "a format is put": (now(id=TEXT | {"format": "date"}), [f"{NEW} another format than 'date' at data.id"]),
    "a pattern is put": (now(id=TEXT | {"pattern": "^a"}), [f"{NEW} another pattern than '^a' at data.id"]),
    "a default becomes another": (
        now(note=TEXT | {"default": "-", "maxLength": 9}),
        [f"{NEW} data.note left out, which stood for another default"],
    ),
    "a list holds something else": (now(tags={"type": "array", "items": NUMBER}), [f"{OLD} meets number at data.tags"]),
}  # fmt: skip


@pytest.mark.parametrize("change", BREAKING)
def test_it_breaks_somebody_when(change: str) -> None:
    schema, expected = BREAKING[change]
    found = breaks(shape(WAS), shape(schema))
    assert all(any(sentence.startswith(each) for sentence in found) for each in expected), found


@pytest.mark.parametrize(
    "schema",
    [
        WAS | {"title": "Other", "description": "Said better.", "additionalProperties": False},
        now("note", "more", more={"anyOf": [NUMBER, {"type": "null"}], "default": None}),
        now(id=TEXT | {"description": "It has one.", "examples": ["x"]}),
        now(state={"$ref": "#/$defs/State"}) | {"$defs": {"State": STATE | {"title": "State"}}},
    ],
    ids=["words", "an optional field", "words of a field", "a definition of its own"],
)
def test_it_breaks_nobody_to_change(schema: Json) -> None:
    assert breaks(shape(WAS), shape(schema)) == []


EITHER: Final = WAS | {"anyOf": [{"required": ["note"]}, {"required": ["more"]}]}


def test_it_breaks_nobody_that_one_of_several_is_there() -> None:
    assert breaks(shape(EITHER), shape(EITHER)) == []
    assert breaks(shape(EITHER), shape(WAS)) == [f"{OLD} meets data.note missing"]
    assert breaks(shape(WAS), shape(EITHER)) == [f"{NEW} data.note missing"]


def test_the_envelope_is_held_to_its_past_as_every_type_is() -> None:
    past, now = contracts.present(), contracts.present()
    del now["envelope"]["shape"]["properties"]["partitionkey"]
    now["envelope"]["shape"]["required"].remove("partitionkey")
    assert ledger.broken({name: [each] for name, each in past.items()}, now) == [
        f"envelope: {OLD} meets data.partitionkey missing",
        f"envelope: {OLD} misses data.partitionkey",
    ]


def test_a_break_within_an_object_of_a_list_is_found_too() -> None:
    old, new = ({"type": "array", "items": fields(id=each)} for each in (TEXT, NUMBER))
    assert breaks(shape(now(tags=old)), shape(now(tags=new)))


def written(folder: Path, schema: Json, **facts: str) -> None:
    """Write the ledgers of a catalog of one type."""
    present = {"thing": ledger.entry(schema, **({"subject": "id", "source": "/s"} | facts))}
    for path, text in ledger.files(folder, present).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_a_ledger_remembers_every_shape_and_compares_with_all_of_them(tmp_path: Path) -> None:
    for schema in (WAS, WAS, now("note", "more", more=TEXT)):
        written(tmp_path, schema)
    assert len(ledger.read(tmp_path / ledger.FOLDER)["thing"]) == 2
    with pytest.raises(ledger.BreakingChangeError, match=r"thing: a consumer of the older schema misses data\.more"):
        written(tmp_path, WAS)


@pytest.mark.parametrize("facts", [{"subject": "state"}, {"source": "/t"}], ids=["subject", "source"])
def test_neither_may_become_another(tmp_path: Path, facts: dict[str, str]) -> None:
    written(tmp_path, WAS)
    with pytest.raises(ledger.BreakingChangeError, match=f"the {next(iter(facts))} was "):
        written(tmp_path, WAS, **facts)


def test_a_type_that_is_gone_is_a_break(tmp_path: Path) -> None:
    written(tmp_path, WAS)
    with pytest.raises(ledger.BreakingChangeError, match="thing: the type is gone"):
        ledger.files(tmp_path, {})


def test_the_catalog_breaks_nobody() -> None:
    released = ledger.read(contracts.ROOT / ledger.FOLDER)
    assert released.keys() == contracts.present().keys(), "run `make manifests`"
    assert ledger.broken(released, contracts.present()) == []


def test_every_schema_that_was_ever_committed_is_in_its_ledger() -> None:
    try:
        assert committed.forgotten(contracts.ROOT) == []
    except NoHistoryError as error:
        pytest.skip(f"compared with the ledgers, but not these with history: {error}")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one type, whose schema and ledger are committed."""
    written(tmp_path, WAS)
    (tmp_path / committed.SCHEMAS).mkdir(parents=True)
    (tmp_path / committed.SCHEMAS / "thing.json").write_text(json.dumps(WAS))
    git(tmp_path, "init", "-q")
    save(tmp_path)
    return tmp_path


def save(repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "Change it")


def test_a_committed_schema_that_no_ledger_has_is_found(repository: Path) -> None:
    assert committed.forgotten(repository) == []
    (repository / committed.SCHEMAS / "thing.json").write_text(json.dumps(now(id=NUMBER)))
    save(repository)
    (repository / committed.SCHEMAS / "thing.json").write_text(json.dumps(WAS))
    save(repository)
    assert committed.forgotten(repository) == ["thing"]


def test_a_ledger_that_begins_anew_is_found(repository: Path) -> None:
    (repository / ledger.FOLDER / "thing.json").unlink()
    written(repository, WAS, subject="state")
    assert committed.forgotten(repository) == ["thing"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_ledger_that_was_changed_by_hand_is_found(repository: Path, place: int) -> None:
    for schema in (now("note", "more", more=TEXT), now("note", "more", "even", more=TEXT, even=TEXT)):
        written(repository, schema)
    save(repository)
    file = repository / ledger.FOLDER / "thing.json"
    entries = json.loads(file.read_text())
    file.write_text(json.dumps([each for number, each in enumerate(entries) if number != place]))
    assert committed.forgotten(repository) == ["thing"]


def test_neither_a_shallow_clone_nor_an_archive_passes_for_history(repository: Path, tmp_path: Path) -> None:
    written(repository, now("note", "more", more=TEXT))
    save(repository)
    clone = tmp_path / "clone"
    git(repository, "clone", "-q", "--depth", "1", repository.as_uri(), str(clone))
    with pytest.raises(NoHistoryError, match="shallow"):
        committed.forgotten(clone)
    (within := repository / "unpacked").mkdir()
    with pytest.raises(NoHistoryError, match="something else"):
        committed.forgotten(within)
