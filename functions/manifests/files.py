"""Every generated file, from what the functions declare of themselves."""

from pathlib import Path
from typing import Final

from events import contracts
from functions.manifests import compose, dashboards, edge, knative, kubernetes, openfaas, reference
from functions.manifests.openapi import ABOUT, document
from functions.manifests.subscriptions import subscriptions
from functions.runtime.functions import declarations

ROOT: Final = Path(__file__).resolve().parents[2]

VERSION: Final = "0.1.0"
"""Of the images; a test compares it with pyproject.toml's."""


def generated() -> dict[Path, str]:
    """Return the text of every generated file by its path, which is relative to the repository."""
    every = declarations()
    return {
        Path("deploy/subscriptions.json"): subscriptions(every),
        compose.FILE: compose.compose(every, ROOT),
        **edge.files(every),
        **openfaas.files(every, ROOT),
        **kubernetes.files(),
        **dashboards.files(every),
        **knative.files(every, VERSION),
        **contracts.files(),
        **reference.files(every),
        **{Path(f"deploy/openapi/{surface}.json"): document(surface, every) for surface in ABOUT},
    }


def stale(root: Path = ROOT) -> list[Path]:
    """Return the generated files that are missing below `root` or differ from what they should be."""
    return [path for path, text in generated().items() if _read(root / path) != text]


def write(root: Path = ROOT) -> list[Path]:
    """Write the stale files below `root` and return their paths."""
    texts = generated()
    paths = stale(root)
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(texts[path], encoding="utf-8")
    return paths


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
