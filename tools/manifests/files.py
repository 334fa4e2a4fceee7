"""Every generated file, from what the functions declare of themselves."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from events.contracts import contracts
from functions.runtime.functions import declarations
from provisioning.local_settings import ROOT
from tools.manifests import (
    access,
    asyncapi,
    compose,
    edge,
    event_pages,
    knative,
    kubernetes,
    openfaas,
    realtime,
    reference,
    targets,
)
from tools.manifests.openapi import ABOUT, document
from tools.manifests.subscriptions import subscriptions

VERSION: Final = "0.1.0"
"""Of the images; a test compares it with pyproject.toml's."""


@cache
def generated() -> Mapping[Path, str]:
    """Return the text of every generated file by its path, which is relative to the repository."""
    every = declarations()
    return {
        Path("deploy/subscriptions.json"): subscriptions(every),
        asyncapi.FILE: asyncapi.document(every),
        realtime.FILE: realtime.document(),
        compose.FILE: compose.compose(every, ROOT),
        **edge.files(every),
        **openfaas.files(every),
        **kubernetes.files(),
        targets.FILE: targets.targets(every),
        **knative.files(every, VERSION),
        **contracts.files(),
        **access.files(every),
        **reference.files(every),
        **event_pages.files(every),
        **{Path(f"deploy/openapi/{api}.json"): document(api, every) for api in ABOUT},
    }


def stale(root: Path = ROOT) -> list[Path]:
    """Return the generated files below `root` that are missing, are not as they should be, or that nothing needs."""
    return _stale(generated(), root)


def _stale(texts: Mapping[Path, str], root: Path) -> list[Path]:
    differing = [path for path, text in texts.items() if _read(root / path) != text]
    return differing + sorted({*contracts.needless(root), *event_pages.needless(root)})


def write(root: Path = ROOT) -> list[Path]:
    """Write the stale files below `root`, remove those that nothing needs, and return the paths of both."""
    texts = generated()
    paths = _stale(texts, root)
    for path in paths:
        if path not in texts:
            (root / path).unlink()
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(texts[path], encoding="utf-8")
    return paths


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
