"""docs/reference/: endpoints, problems, events, settings and secrets, as tables for people."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from events import contracts
from events.catalog.load import load
from events.event import Event
from functions.domain.refusals import Refusal, TooMany, Unavailable
from functions.manifests import edge
from functions.manifests.answers import refused_with
from functions.manifests.openapi import ABOUT
from functions.manifests.parts import PARTS
from functions.manifests.settings_table import SECRETS, SETTINGS
from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from functions.runtime.problems import status_of
from functions.runtime.routes import MethodNotAllowed, RouteNotFound

FOLDER: Final = Path("docs/reference")
NOTE: Final = "<!-- Written by `make manifests` from what the functions declare: change those, not this page. -->"

ROOT: Final = Path(__file__).resolve().parents[2]

ABOUT_SECRETS: Final = (
    "Files in `/var/openfaas/secrets`, or in the folder that `BOTBERI_SECRETS` names; for local runs an environment "
    "variable of the secret's name in capitals serves as well."
)

_BEFORE_FUNCTIONS: Final = (RouteNotFound, MethodNotAllowed, TooMany, Unavailable)
"""What the host or the edge answers before any function is asked."""


def files(declarations: Sequence[Declaration]) -> dict[Path, str]:
    """Return the text of every page by its path."""
    return {
        FOLDER / "endpoints.md": endpoints(declarations),
        FOLDER / "problems.md": problems(declarations),
        FOLDER / "events.md": events(declarations),
        FOLDER / "settings.md": settings(declarations),
    }


def endpoints(declarations: Sequence[Declaration]) -> str:
    """Return the page of all endpoints: who may call each, and what it answers."""
    parts = [
        _head(
            "Endpoints",
            "Each row is one function. Every answer in full, with its schema, is on the page `/docs` of each surface "
            "and in [deploy/openapi](../../deploy/openapi). A caller of *nobody* means that no access token is needed.",
        )
    ]
    for surface, (title, about) in ABOUT.items():
        rows = [_endpoint(each) for each in sorted(declarations, key=lambda each: (each.path, each.method))]
        mine = [row for row, each in rows if each.surface == surface]
        parts += [f"## {title}\n\n{about}", _table(("endpoint", "what it does", "caller", "answers"), mine)]
    return "\n\n".join(parts) + "\n"


def _endpoint(declaration: Declaration) -> tuple[tuple[str, ...], Declaration]:
    caller = declaration.parameter("caller")
    answers = ", ".join(f"[{status}](problems.md#{status})" for status in refused_with(declaration))
    file = f"../../functions/{declaration.surface}/{declaration.name}.py"
    row = (
        f"[`{declaration.method} {declaration.path}`]({file})",
        declaration.summary,
        "nobody" if caller is None else f"`{caller.annotation.scope}`",
        f"{declaration.status}, {answers}",
    )
    return row, declaration


def problems(declarations: Sequence[Declaration]) -> str:
    """Return the page of all problem codes, by HTTP status."""
    found: dict[int, dict[str, tuple[type[Refusal], list[str]]]] = defaultdict(dict)
    for early in _BEFORE_FUNCTIONS:
        found[status_of(early)][early.code] = (early, [])
    for each in declarations:
        if each.surface != "subscribers":
            for status, codes in refused_with(each).items():
                for code, refusal in codes.items():
                    found[status].setdefault(code, (refusal, []))[1].append(each.name)
    parts = [
        _head(
            "Problems",
            "Everything that is refused is answered as `application/problem+json` (RFC 9457). A program decides by "
            "`code`, which never changes its meaning; `detail` is for people; `trace_id` finds the request in the "
            "logs; `errors` names the fields that are wrong, each with a JSON Pointer into the body or `?name`.",
        )
    ]
    for status in sorted(found):
        rows = [
            (f"`{code}`", refusal.message(), _some(names)) for code, (refusal, names) in sorted(found[status].items())
        ]
        parts += [f"## {status}", _table(("code", "what it says", "who answers so"), rows)]
    return "\n\n".join(parts) + "\n"


def _some(names: Sequence[str], most: int = 4) -> str:
    if not names:
        return "the host and the edge"
    if len(names) <= most:
        return ", ".join(f"`{name}`" for name in names)
    return f"{len(names)} functions"


def events(declarations: Sequence[Declaration]) -> str:
    """Return the page of all event types: what happened, who hears it, and what it holds."""
    hearers: dict[str, list[Declaration]] = defaultdict(list)
    for each in declarations:
        for kind in each.event_types:
            hearers[kind].append(each)
    parts = [
        _head(
            "Events",
            "Every event is a CloudEvent in structured JSON, with its type as the routing key on the exchange "
            "`botberi.events`. Events about one subject arrive in the order in which they were committed, at least "
            "once each: deduplicate by (`source`, `id`).",
        )
    ]
    for name, model in load().items():
        parts.append(_event(name, model, hearers[name] + hearers["#"]))
    return "\n\n".join(parts) + "\n"


def _event(name: str, model: type[Event], hearers: Iterable[Declaration]) -> str:
    schema = contracts.schema(model)
    rows = [
        (f"`{field}`", _type(about), about.get("description", "").replace("\n", " "))
        for field, about in schema["properties"].items()
    ]
    heard = ", ".join(f"[`{each.name}`](../../functions/subscribers/{each.name}.py)" for each in hearers)
    said = ", ".join(f"[{file.stem}](../../{file})" for file in _speakers(model))
    folder = "../../events/catalog"
    return "\n\n".join(
        (
            f"## {name}",
            (model.__doc__ or "").strip(),
            f"From `{contracts.database(model)}`, about `{model.subject_field}`.",
            f"Said by {said}. Heard by {heard}.",
            f"[Schema]({folder}/schemas/{name}.json), [example]({folder}/examples/{name}.json).",
            _table(("field", "type", "what it says"), rows),
        )
    )


def _speakers(model: type[Event]) -> list[Path]:
    """Return the files that make an event of this type."""
    module, made = f"from {model.__module__} import", re.compile(rf"\b{model.__name__}\(")
    files = [file for file in sorted((ROOT / "functions").rglob("*.py")) if "tests" not in file.parts]
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    return [file.relative_to(ROOT) for file, text in texts.items() if module in text and re.search(made, text)]


def _type(schema: dict[str, Any]) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "any")


def settings(declarations: Sequence[Declaration]) -> str:
    """Return the page of all settings and secrets, and who is given which."""
    given: dict[str, list[str]] = defaultdict(list)
    kept: dict[str, list[str]] = defaultdict(list)
    for each in declarations:
        needs = environment(each)
        for name, users in ((needs.settings, given), (needs.secrets, kept)):
            for one in name:
                users[one].append(each.name)
    for part in PARTS:
        for setting in (*part.settings, *part.values):
            given[setting].append(part.name)
        for secret in part.secrets:
            kept[secret].append(part.name)
    pages = [
        _head(
            "Settings and secrets",
            "A setting is an environment variable, a secret a file. Each part reads only what it needs, when it first "
            "needs it, and says what is missing.",
        ),
        "## Settings",
        _table(
            ("name", "form", "default", "what it is", "for"),
            [
                (f"`{name}`", each.form, each.default, each.meaning, _some_parts(given[name]) or each.reader)
                for name, each in sorted(SETTINGS.items())
            ],
        ),
        "## Settings of the edge",
        "[deploy/nginx/start.sh](../../deploy/nginx/start.sh) reads these and starts nginx.",
        _table(("name", "default", "what it is"), edge.settings((ROOT / edge.START).read_text(encoding="utf-8"))),
        "## Secrets",
        ABOUT_SECRETS,
        _table(
            ("name", "what it is", "for"),
            [(f"`{name}`", _meaning(name), _some_parts(users)) for name, users in sorted(kept.items())],
        ),
    ]
    return "\n\n".join(pages) + "\n"


def _some_parts(names: Sequence[str]) -> str:
    always_on = [part.name for part in PARTS if part.name in names]
    functions = [name for name in names if name not in always_on]
    told = [f"`{name}`" for name in always_on] + ([_some(functions)] if functions else [])
    return ", ".join(told)


def _meaning(secret: str) -> str:
    return next(meaning for prefix, meaning in SECRETS.items() if secret.startswith(prefix))


def _head(title: str, about: str) -> str:
    return f"{NOTE}\n\n# {title}\n\n{about}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
