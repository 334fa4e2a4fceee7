"""Find function files and load each one through functions-framework."""

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import functions_framework

from functions.runtime.declarations import SURFACES, Declaration
from functions.runtime.endpoint import Function, declaration_of

ROOT: Final = Path(__file__).resolve().parent.parent


def files(surfaces: Iterable[str] = SURFACES) -> Iterator[Path]:
    """Yield the function files of some surfaces: `functions/user/login.py` and so on, sorted."""
    for surface in surfaces:
        yield from sorted(file for file in (ROOT / surface).glob("*.py") if file.stem != "__init__")


def load(file: Path) -> tuple[Declaration, Function]:
    """Return what a function file declares, and the function, once the framework has taken it."""
    functions_framework.create_app(target=file.stem, source=str(file), signature_type="http")  # type: ignore[no-untyped-call]
    function: Function = getattr(sys.modules[file.stem], file.stem)
    return declaration_of(function), function


def declarations(surfaces: Iterable[str] = SURFACES) -> list[Declaration]:
    """Return what every function of some surfaces declares, sorted by surface and name."""
    found = []
    for file in files(surfaces):
        module = import_module(f"functions.{file.parent.name}.{file.stem}")
        found.append(declaration_of(getattr(module, file.stem)))
    return found
