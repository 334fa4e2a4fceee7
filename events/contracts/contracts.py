"""The catalog as files: for every event type its JSON Schema and a golden example, written from the model.

`python -m events.contracts.contracts [--check]`. They are committed, so that a change of the catalog shows in review as
what it is to a consumer.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from events import envelope
from events.catalog.load import load
from events.contracts import ledger
from events.contracts.compatibility import Json
from events.contracts.ledger import BreakingChangeError
from events.event import Event
from events.wire import CloudEvent, document

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = Path("events/catalog")

_UUID: Final = "0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"
_TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"

SAMPLES: Final[dict[str, JsonValue]] = {
    "account_id": f"usr_{_UUID}",
    "action_id": f"act_{_UUID}",
    "agent_id": f"agt_{_UUID}",
    "channels": ["stable"],
    "desired_state": "running",
    "fields": ["summary"],
    "instance_id": f"ins_{_UUID}",
    "key_id": f"key_{_UUID}",
    "dead_letters": [f"ded_{_UUID}"],
    "number": "1.2.0",
    "owner_id": f"usr_{_UUID}",
    "notice_id": "notice-4711",
    "overlap_seconds": 3600,
    "previous": "starting",
    "publisher_id": f"pub_{_UUID}",
    "record_id": "customer-4711",
    "reason": "asked",
    "message": "It answered its first health check.",
    "session_id": f"ses_{_UUID}",
    "slug": "echo",
    "scopes": ["records"],
    "sources": ["/example/crm"],
    "status": "running",
    "text": "The office is closed today.",
    "types": ["com.botberi.record.changed.v1"],
    "version_id": f"ver_{_UUID}",
}
"""What fields of these names hold in the examples, unless they bring one; others hold what fits their type."""

_BY_TYPE: Final[dict[str, JsonValue]] = {
    "string": "example",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "object": {},
}
_BY_FORMAT: Final = {"date-time": "2026-01-02T03:04:05.678901Z", "date": "2026-01-02"}


DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

EXAMPLE_API: Final = "https://api.example.com"

EXAMPLE_SOURCE: Final = "/example/crm"
"""Another system."""


def schema(model: type[Event]) -> Json:
    """Return the JSON Schema of the data of an event type, as a consumer may rely on it.

    It doesn't forbid further fields, though nobody can publish any: a later one of this version may say more.
    """
    heads: dict[str, JsonValue] = {"$schema": DIALECT, "$id": envelope.schema_path(model.type)}
    return heads | opened(model.model_json_schema())


def opened(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a schema without any `additionalProperties: false`."""
    kept = {key: each for key, each in schema.items() if key != "additionalProperties" or each is not False}
    return {key: _opened(each) for key, each in kept.items()}


def _opened(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return opened(value)
    return [_opened(each) for each in value] if isinstance(value, list) else value


def example(model: type[Event]) -> Json:
    """Return the golden example of an event type: a whole event in structured JSON."""
    data: dict[str, object] = {name: _sample(name, field) for name, field in schema(model)["properties"].items()}
    event = CloudEvent(
        id=f"evt_{_UUID}",
        source=source(model),
        type=model.type,
        subject=str(data[model.subject_field]),
        time="2026-01-02T03:04:05.678901Z",
        data=data,
        dataschema=envelope.dataschema(model, EXAMPLE_API),
        extensions=(
            ("actor", str(SAMPLES["account_id"])),
            ("correlationid", _TRACE),
            ("partitionkey", str(data[model.subject_field])),
            ("sequence", f"{42:020}"),
            ("traceparent", f"00-{_TRACE}-00f067aa0ba902b7-01"),
        ),
    )
    return document(event)


def database(model: type[Event]) -> str:
    """Return the database that events of this type are at home in."""
    return model.databases()[0]


def source(model: type[Event]) -> str:
    """Return the source of events of this type: its database, or for what other systems say an example of one."""
    return EXAMPLE_SOURCE if model.scope else f"/botberi/{database(model)}"


def _sample(name: str, field: Json) -> JsonValue:
    chosen: JsonValue
    if field.get("examples"):
        chosen = field["examples"][0]
    elif name in SAMPLES:
        chosen = SAMPLES[name]
    elif "const" in field or "enum" in field or "default" in field:
        chosen = field.get("const", field.get("default", (field.get("enum") or [None])[0]))
    elif field.get("format") in _BY_FORMAT:
        chosen = _BY_FORMAT[field["format"]]
    elif field.get("type") == "array":
        chosen = [_sample("", field["items"])]
    else:
        chosen = _BY_TYPE.get(field.get("type", ""))
    return chosen


def present() -> dict[str, Json]:
    """Return what the ledgers are to keep of the catalog as it is: of every type, and of the envelope that we send."""
    ours = envelope.schema() | {"required": [*envelope.REQUIRED, *envelope.OURS]}
    types = {
        name: ledger.entry(schema(model), subject=model.subject_field, source=source(model))
        for name, model in load().items()
    }
    return {"envelope": ledger.entry(ours, subject="subject", source="/botberi/")} | types


def files(root: Path = ROOT) -> dict[Path, str]:
    """Return the text of every file by its path, which is relative to the repository.

    Raises BreakingChangeError when the ledgers below `root` know a type otherwise.
    """
    head = {FOLDER / "envelope.json": _text({"$schema": DIALECT, **envelope.schema()})}
    found = head | ledger.files(root, present())
    for name, model in load().items():
        found[FOLDER / "schemas" / f"{name}.json"] = _text(schema(model))
        found[FOLDER / "examples" / f"{name}.json"] = _text(example(model))
    return found


def check(root: Path = ROOT) -> list[Path]:
    """Return the files below `root` that are missing, that differ from what they should be, or that nothing needs."""
    wanted = files(root)
    return [path for path, text in wanted.items() if _read(root / path) != text] + needless(root)


def needless(root: Path = ROOT) -> list[Path]:
    """Return the files below `root` of types that there are no more."""
    folders = ("schemas", "examples")
    kept = {FOLDER / folder / f"{name}.json" for folder in folders for name in load()}
    there = {file.relative_to(root) for folder in folders for file in (root / FOLDER / folder).glob("*.json")}
    return sorted(there - kept)


def write(root: Path = ROOT) -> list[Path]:
    """Write the stale files below `root`, remove those that nothing needs, and return the paths of both."""
    wanted = files(root)
    changed = check(root)
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if path in wanted:
            (root / path).write_text(wanted[path], encoding="utf-8")
        else:
            (root / path).unlink()
    return changed


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _text(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files, or only tell which are stale."""
    parser = argparse.ArgumentParser(prog="contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    arguments = parser.parse_args()
    try:
        paths = check() if arguments.check else write()
    except BreakingChangeError as error:
        sys.exit(str(error))
    for path in paths:
        sys.stdout.write(f"{path}\n")
    if paths and arguments.check:
        sys.exit("stale: run `python -m events.contracts.contracts`")


if __name__ == "__main__":
    main()
