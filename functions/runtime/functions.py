"""Find function files and load each one through functions-framework."""

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import functions_framework

from functions.runtime.declarations import APIS, Declaration
from functions.runtime.endpoint import Function, declaration_of

ROOT: Final = Path(__file__).resolve().parent.parent


def files(apis: Iterable[str] = APIS) -> Iterator[Path]:
    """Yield the function files of some APIs: `functions/user/login.py` and so on, sorted."""
    for api in apis:
        yield from sorted(file for file in (ROOT / api).glob("*.py") if file.stem != "__init__")


def load(file: Path) -> tuple[Declaration, Function]:
    """Return the declaration of a function file, and the function, loaded by the framework."""
    functions_framework.create_app(target=file.stem, source=str(file), signature_type="http")  # type: ignore[no-untyped-call]
    function: Function = getattr(sys.modules[file.stem], file.stem)
    return declaration_of(function), function


def declarations(apis: Iterable[str] = APIS) -> list[Declaration]:
    """Return the declarations of all functions of some APIs, sorted by API and name."""
    found = []
    for file in files(apis):
        module = import_module(f"functions.{file.parent.name}.{file.stem}")
        found.append(declaration_of(getattr(module, file.stem)))
    return found
