"""docs/events/: the catalog of events for people, an index and a page for each type."""

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from events import envelope
from events.catalog.load import load
from events.catalog.owners import owned_types
from events.contracts import contracts
from events.event import Event
from functions.runtime.declarations import Declaration
from provisioning.local_settings import ROOT
from tools.documents import Document
from tools.manifests.producers import consumers, producers
from tools.pages import head, table

FOLDER: Final = Path("docs/events")
INDEX: Final = FOLDER / "README.md"

_GATEWAY: Final = "[gateway](../services/gateway.md)"

_ABOUT: Final = """
What can happen in Botberi, who produces it, and who receives it. Whoever commits a change emits it in the same
transaction, so an event exists if and only if the change does. A relay publishes it on RabbitMQ's topic exchange
`botberi.events`, its type being the routing key; every subscriber has a queue of its own, from which the dispatcher
calls its function over HTTP. The same catalog for programs is the [AsyncAPI
document](../../deploy/asyncapi/events.json), and `GET /v1/event-types` of the broker's API;
[another](../../deploy/asyncapi/realtime.json) has what browsers are told.
"""

_PROMISES: Final = """
- **Delivery**: at least once to every subscriber. Two events are the same when `source` and `id` are; a subscriber
  that declares a database gets each of them once, since its inbox is written in the transaction of its effect.
- **Order**: events about one subject come in the order in which they were committed, and the higher `sequence` is the
  later, if those who say them take turns: each holds a lock on the subject from before it emits until it has committed.
  All of Botberi's own do, and `POST /v1/events`. Of two transactions in SQL that overlap and share no lock, either may
  come first: call [`lock_subjects`](../decisions/0026-subject-locks.md) before `emit_event`. Different subjects are
  worked on side by side, and one that has to be tried again holds up itself and nobody else.
- **Origin**: a type of Botberi's own is produced by the code that its page names alone, and subscribers act on it only
  if its source is that code's. What other systems say has [a source that they were
  given](../decisions/0027-producers-of-events.md).
- **Failure**: what a subscriber can't handle now is tried again for minutes; what it refuses, or what keeps failing,
  becomes a dead letter, which an administrator can read, redrive or discard.
- **Size**: data of more than 64 KiB stays in the database, and the event carries `dataref` in its place. Subscribers
  written with `@subscriber` see no difference.
- **Evolution**: within a version nothing changes that a consumer could stumble over; a field may be added. So ignore
  fields and attributes that you don't know, and be ready for values that a description doesn't list. What else has to
  change is a new version beside the old one. [The decision](../decisions/0010-event-contracts.md) has the rules,
  which CI holds.
"""

_ENVELOPE: Final = """
An event is a [CloudEvent](https://cloudevents.io) 1.0 in structured mode: one JSON object, whose content type is
`application/cloudevents+json`. Attributes are printable ASCII; text for people is in `data`. [The
schema](../../events/catalog/envelope.json) of the whole is a file too.
"""

_HOW: Final = """
- To receive one: a file in [functions/subscribers](../../functions/subscribers) whose handler's first parameter has the
  type.
- To emit one: `emit(db, …)` in the transaction of the change, whose row you hold; in SQL, without such a row, `select
  lock_subjects(array[subject])` and then `select emit_event(type, subject, data)`.
- From another system: `POST /v1/events` of the broker's API, by a [publisher](../services/broker.md) that was given
  the `source` and the scope. Types of Botberi's own are refused there, and subscribers believe them from nobody else.
- To add one: a class in [events/catalog](../../events/catalog) whose docstring says what happened and, in a second
  paragraph, when it is said, and which names who produces it: a role in a database (`produced_by`), or the
  scope that other systems need (`scope`). Then `make manifests`. This page, the new one, the schema, the example and
  the AsyncAPI document are written.
"""


def files(declarations: Sequence[Declaration]) -> dict[Path, str]:
    """Return the text of every page by its path."""
    models = load()
    pages = {FOLDER / f"{name}.md": page(model, declarations) for name, model in models.items()}
    return {INDEX: index(list(models.values()), declarations), **pages}


def index(models: Sequence[type[Event]], declarations: Sequence[Declaration]) -> str:
    """Return the page that lists them all, and what they have in common."""
    rows = [
        (f"[`{model.type}`]({model.type}.md)", what(model), _said(model), _received(model, declarations))
        for model in models
    ]
    shown = contracts.example(models[0])
    attributes = [
        (f"`{name}`", _presence(each), each.meaning, f"`{shown[name]}`" if name in shown else "")
        for name, each in envelope.ATTRIBUTES.items()
    ]
    parts = (
        head("Events", _ABOUT.strip()),
        table(("event", "what happened", "produced by", "consumed by"), rows),
        "## What is promised",
        _PROMISES.strip(),
        "## What every event says of itself",
        _ENVELOPE.strip(),
        table(("attribute", "in", "what it says", "example"), attributes),
        "In RabbitMQ the message is persistent; its `message_id` is the event's id and its `type` the event's type.",
        "## Receiving, emitting and adding events",
        _HOW.strip(),
    )
    return "\n\n".join(parts) + "\n"


def page(model: type[Event], declarations: Sequence[Declaration]) -> str:
    """Return the page of one type."""
    found = consumers(model, declarations)
    facts = (
        ("produced by", _said(model)),
        ("refused from", _refused(model)),
        ("consumed by", _received(model, declarations)),
        *_browsers(model),
        ("source", _sources(model)),
        ("subject", f"`{model.subject_field}`"),
        ("routing key", f"`{model.type}` on the exchange `botberi.events`"),
        ("queues", ", ".join(f"`botberi.{each.deployment}`" for each in found)),
        ("order", f"as committed, for each `{model.subject_field}`, of writers that take turns"),
        ("delivery", "at least once: (`source`, `id`) tells duplicates"),
    )
    fields = [
        (f"`{name}`", kind(about), about.get("description", "").replace("\n", " "))
        for name, about in contracts.schema(model)["properties"].items()
    ]
    catalog = "../../events/catalog"
    parts = (
        head(model.type, inspect.getdoc(model) or ""),
        table(("", ""), facts),
        "[What is promised](README.md#what-is-promised) of every event is said in one place.",
        "## Data",
        table(("field", "type", "what it says"), fields),
        f"As [JSON Schema]({catalog}/schemas/{model.type}.json), which is what `dataschema` points at.",
        "## Example",
        f"[The whole event]({catalog}/examples/{model.type}.json), as it travels:",
        f"```json\n{json.dumps(contracts.example(model), indent=2, ensure_ascii=False)}\n```",
    )
    return "\n\n".join(parts) + "\n"


def what(model: type[Event]) -> str:
    """Return what happened: the first paragraph of the docstring, in one line."""
    return " ".join((inspect.getdoc(model) or "").partition("\n\n")[0].split())


def when(model: type[Event]) -> str:
    """Return when it is said: the other paragraphs."""
    return " ".join((inspect.getdoc(model) or "").partition("\n\n")[2].split())


def kind(schema: Document) -> str:
    """Return the type of a field, for people."""
    if "items" in schema:
        return f"list of {kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "any")


def needless(root: Path = ROOT) -> list[Path]:
    """Return the pages below `root` of types that there are no more."""
    kept = {FOLDER / f"{name}.md" for name in load()} | {INDEX}
    return sorted({file.relative_to(root) for file in (root / FOLDER).glob("*.md")} - kept)


def _said(model: type[Event]) -> str:
    files = ", ".join(f"[{file.stem}](../../{file})" for file in producers(model))
    if model.scope:
        return f"other systems with the scope `{model.scope}`, through {files}"
    return files


def _refused(model: type[Event]) -> str:
    if model.scope:
        return "everybody without that scope, and under a source that isn't theirs"
    parts = " and ".join(f"`botberi_{role}` in `{place}`" for place, _, role in map(_split, model.produced_by))
    return f"everybody but {parts}"


def _split(produced_by: str) -> tuple[str, str, str]:
    return produced_by.partition("/")


def _sources(model: type[Event]) -> str:
    if model.scope:
        return f"the publisher's own, such as `{contracts.source(model)}`"
    return ", ".join(f"`/botberi/{each}`" for each in model.databases())


def _received(model: type[Event], declarations: Sequence[Declaration]) -> str:
    found = consumers(model, declarations)
    return ", ".join(f"[`{each.name}`](../../functions/subscribers/{each.name}.py)" for each in found)


def _browsers(model: type[Event]) -> list[tuple[str, str]]:
    about = "the account that it belongs to, and administrators who look at everybody's events"
    anybody = "administrators who look at everybody's events"
    return [("in browsers", f"{about if model.type in owned_types() else anybody}, by the {_GATEWAY}")]


def _presence(attribute: envelope.Attribute) -> str:
    if attribute.required:
        return "every event"
    return "all of ours" if attribute.ours else "some"
