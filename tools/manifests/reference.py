"""docs/reference/: endpoints, problems, settings and secrets, as tables for people."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from functions.domain.api_errors import ApiError
from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from functions.runtime.problems import status_of
from functions.runtime.providers.callers import Guard
from functions.runtime.transport import SERVER_ERRORS
from provisioning import secrets
from provisioning.local_settings import ROOT
from tools.manifests import edge
from tools.manifests.openapi import ABOUT
from tools.manifests.responses import errors_by_status
from tools.manifests.services import SERVICES
from tools.manifests.settings_table import SECRET_READERS, SECRETS, SETTINGS
from tools.pages import head, table

FOLDER: Final = Path("docs/reference")
ABOUT_SECRETS: Final = (
    "Files in `/var/openfaas/secrets`, or in the folder that `BOTBERI_SECRETS` names; for local runs an environment "
    "variable of the secret's name in capitals serves as well."
)

_BEFORE_FUNCTIONS: Final = sorted({*edge.OWN_ERRORS, *SERVER_ERRORS}, key=lambda each: each.code)
"""What the host's server or the edge answers before any function is asked."""


def files(declarations: Sequence[Declaration]) -> dict[Path, str]:
    """Return the text of every page by its path."""
    return {
        FOLDER / "endpoints.md": endpoints(declarations),
        FOLDER / "problems.md": problems(declarations),
        FOLDER / "settings.md": settings(declarations),
    }


def endpoints(declarations: Sequence[Declaration]) -> str:
    """Return the page of all endpoints: who may call each, and what it answers."""
    parts = [
        head(
            "Endpoints",
            "Each row is one function. Every answer in full, with its schema, is on the page `/docs` of each API "
            "and in [deploy/openapi](../../deploy/openapi). A caller of *nobody* means that no access token is needed.",
        )
    ]
    for api, (title, about) in ABOUT.items():
        rows = [_endpoint(each) for each in sorted(declarations, key=lambda each: (each.path, each.method))]
        mine = [row for row, each in rows if each.api == api]
        parts += [f"## {title}\n\n{about}", table(("endpoint", "what it does", "caller", "answers"), mine)]
    return "\n\n".join(parts) + "\n"


def _endpoint(declaration: Declaration) -> tuple[tuple[str, ...], Declaration]:
    caller = declaration.parameter(Guard)
    found = errors_by_status(declaration)
    spoken = declaration.protocol is not None
    # What speaks another protocol answers no problems.
    answers = ", ".join(str(status) if spoken else f"[{status}](problems.md#{status})" for status in found)
    file = f"../../functions/{declaration.api}/{declaration.name}.py"
    row = (
        f"[`{declaration.method} {declaration.path}`]({file})",
        declaration.summary,
        "nobody" if caller is None else _scopes(caller),
        f"{declaration.status}, {answers}",
    )
    return row, declaration


def _scopes(guard: Guard) -> str:
    return " or ".join(f"`{scope}`" for scope in (guard.caller.scope, *guard.caller.wider))


def problems(declarations: Sequence[Declaration]) -> str:
    """Return the page of all problem codes, by HTTP status."""
    found: dict[int, dict[str, tuple[type[ApiError], list[str]]]] = defaultdict(dict)
    for early in _BEFORE_FUNCTIONS:
        found[status_of(early)][early.code] = (early, [])
    for each in declarations:
        if each.api != "subscribers" and each.protocol is None:
            for status, codes in errors_by_status(each).items():
                for code, api_error in codes.items():
                    found[status].setdefault(code, (api_error, []))[1].append(each.name)
    parts = [
        head(
            "Problems",
            "Everything that is refused is answered as `application/problem+json` (RFC 9457). A program decides by "
            "`code`, which never changes its meaning; `detail` is for people; `trace_id` finds the request in the "
            "logs; `errors` names the fields that are wrong, each with a JSON Pointer into the body or `?name`.",
        )
    ]
    for status in sorted(found):
        rows = [
            (f"`{code}`", api_error.message(), _some(names))
            for code, (api_error, names) in sorted(found[status].items())
        ]
        parts += [f"## {status}", table(("code", "what it says", "who answers so"), rows)]
    return "\n\n".join(parts) + "\n"


def _some(names: Sequence[str], most: int = 4) -> str:
    if not names:
        return "the host and the edge"
    if len(names) <= most:
        return ", ".join(f"`{name}`" for name in names)
    return f"{len(names)} functions"


def settings(declarations: Sequence[Declaration]) -> str:
    """Return the page of all settings and secrets, and who is given which."""
    given: dict[str, list[str]] = defaultdict(list)
    kept: dict[str, list[str]] = defaultdict(list)
    for each in declarations:
        resources = environment(each)
        for name, users in ((resources.settings, given), (resources.secrets, kept)):
            for one in name:
                users[one].append(each.name)
    for service in SERVICES:
        for setting in (*service.settings, *service.values):
            given[setting].append(service.name)
        for secret in service.secrets:
            kept[secret].append(service.name)
    pages = [
        head(
            "Settings and secrets",
            "A setting is an environment variable, a secret a file. Each function and service reads only what it "
            "needs, when it first needs it, and says what is missing.",
        ),
        "## Settings",
        table(
            ("name", "form", "default", "what it is", "for"),
            [
                (f"`{name}`", each.form, each.default, each.meaning, _users(given[name]) or each.reader)
                for name, each in sorted(SETTINGS.items())
            ],
        ),
        "## Settings of the edge",
        "[deploy/nginx/start.sh](../../deploy/nginx/start.sh) reads these and starts nginx.",
        table(("name", "default", "what it is"), edge.settings((ROOT / edge.START).read_text(encoding="utf-8"))),
        "## Secrets",
        ABOUT_SECRETS,
        table(
            ("name", "what it is", "for"),
            [(f"`{name}`", _meaning(name), _readers(name, kept[name])) for name in secrets.names()],
        ),
    ]
    return "\n\n".join(pages) + "\n"


def _users(names: Sequence[str]) -> str:
    always_on = [service.name for service in SERVICES if service.name in names]
    functions = [name for name in names if name not in always_on]
    told = [f"`{name}`" for name in always_on] + ([_some(functions)] if functions else [])
    return ", ".join(told)


def _readers(secret: str, users: Sequence[str]) -> str:
    return SECRET_READERS.get(secret) or _users(users) or "`botberi roles`"


def _meaning(secret: str) -> str:
    return next(meaning for prefix, meaning in SECRETS.items() if secret.startswith(prefix))
