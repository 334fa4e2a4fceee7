"""The rules of the house that a program can hold. A file that may break one is named here, with the reason."""

import ast
import importlib.metadata
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from events.catalog.owners import owned_types
from functions.domain import api_errors
from functions.runtime.declarations import Declaration
from functions.runtime.functions import ROOT, declarations, files
from functions.runtime.problems import status_of
from functions.runtime.providers.callers import Guard, User
from functions.runtime.providers.query import QueryParameters
from functions.schemas.base import Page, PageQuery

ENDPOINTS = declarations(["user", "admin", "broker"])
SUBSCRIBERS = declarations(["subscribers"])
ROOMS = ("core", "shared_psql_models", "events", "functions", "migrations", "provisioning", "cli", "tools", "testing")
AGENTS = ROOT / "agents"


def name_of(declaration: Declaration) -> str:
    return declaration.name


def sources(*folders: str) -> list[Path]:
    """Return our Python files outside of tests and benchmarks; sample agents are no part of the house."""
    found = [file for folder in folders for file in (ROOT.parent / folder).rglob("*.py")]
    return sorted(file for file in found if not {"tests", "bench"} & set(file.parts) and AGENTS not in file.parents)


@pytest.mark.parametrize("declaration", ENDPOINTS, ids=name_of)
def test_a_file_begins_with_its_method_and_path(declaration: Declaration) -> None:
    docstring = ast.get_docstring(ast.parse(declaration.file.read_text())) or ""
    assert docstring.startswith(f"{declaration.method} {declaration.path}: ")


@pytest.mark.parametrize("declaration", [each for each in SUBSCRIBERS if each.event_types], ids=name_of)
def test_a_file_begins_with_the_event_that_it_is_about(declaration: Declaration) -> None:
    docstring = ast.get_docstring(ast.parse(declaration.file.read_text())) or ""
    every = declaration.event_types in (("#",), tuple(sorted(owned_types())))
    first = "Every event" if every else declaration.event_types
    assert docstring.startswith(first)


def test_a_function_is_named_as_its_file_and_there_is_one_of_each_name() -> None:
    names = Counter(file.stem for file in files())
    assert {name: count for name, count in names.items() if count > 1} == {}
    assert sorted(names) == sorted(each.handler.__name__ for each in (*ENDPOINTS, *SUBSCRIBERS))


def test_no_file_replaces_a_module_of_python_or_of_a_package() -> None:
    # functions-framework puts each file into sys.modules under its bare stem.
    taken = sys.stdlib_module_names | set(importlib.metadata.packages_distributions()) | set(ROOMS)
    assert {file.stem for file in files()} & taken == set()


def test_every_address_is_one_endpoint_s_over_all_apis() -> None:
    addresses = Counter((each.method, re.sub(r"{\w+}", "{}", each.path)) for each in ENDPOINTS)
    assert [address for address, count in addresses.items() if count > 1] == []


def test_every_init_file_is_empty() -> None:
    inits = [file for package in ROOMS for file in (ROOT.parent / package).rglob("__init__.py")]
    assert [file for file in inits if file.stat().st_size and AGENTS not in file.parents] == []
    assert len(inits) > len(ROOMS)


@pytest.mark.parametrize("folder", ["user", "admin", "broker", "subscribers", "domain"])
def test_nobody_commits_but_the_edge(folder: str) -> None:
    calls = [
        f"{file.name}:{node.lineno}"
        for file in sources(f"functions/{folder}")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"commit", "rollback"}
    ]
    assert calls == []


def test_the_environment_is_read_in_one_place() -> None:
    allowed = {
        "core/configuration.py",
        "core/failpoints.py",
        "functions/runtime/host.py",
        "functions/drivers/agent_host.py",
    }
    readers = {
        str(file.relative_to(ROOT.parent))
        for file in sources(
            "core", "events", "functions/runtime", "functions/domain", "functions/jobs", "functions/drivers"
        )
        if re.search(r"\bos\.(environ|getenv)\b", file.read_text())
    }
    assert readers <= allowed


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_lists_are_paged_and_what_is_paged_is_a_list(endpoint: Declaration) -> None:
    query = endpoint.parameter(QueryParameters)
    by_query = query is not None and issubclass(query.model, PageQuery)
    by_reply = Page.__name__ in str(endpoint.reply)
    assert (by_query, by_reply) == (endpoint.name.startswith("list_"),) * 2


def every_api_error() -> list[type[api_errors.ApiError]]:
    """Return those that a function may answer with."""
    kinds = set(api_errors.every()) - {api_errors.ApiError}
    elsewhere = re.compile(r".*\.tests\.|(?!functions\.)")
    return sorted((each for each in kinds if not elsewhere.match(each.__module__)), key=lambda each: each.code)


def test_every_code_means_one_thing() -> None:
    codes = Counter(api_error.code for api_error in every_api_error())
    assert [code for code, count in codes.items() if count > 1] == []


@pytest.mark.parametrize("api_error", every_api_error(), ids=lambda api_error: api_error.code)
def test_every_refusal_has_a_sentence_of_its_own_and_a_status(api_error: type[api_errors.ApiError]) -> None:
    assert re.fullmatch(r"[A-Z].*[.]", vars(api_error)["__doc__"].strip().partition("\n")[0])
    assert 400 <= status_of(api_error) < 600


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_what_takes_the_caller_s_id_is_not_open_to_everybody(endpoint: Declaration) -> None:
    caller = endpoint.parameter(Guard)
    assert caller is None or issubclass(caller.caller, User)
    assert caller is not None or "{instance_id}" not in endpoint.path


def test_images_are_made_of_folders_that_are_named_and_have_neither_history_nor_tests() -> None:
    lines = [line for line in (ROOT.parent / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    let_in = {line[1:].split("/")[0] for line in lines if line.startswith("!")}
    assert let_in <= {*ROOMS, "deploy"}
    assert not [name for name in let_in if name.startswith(".")]
    assert "**/tests" in lines[lines.index(next(line for line in reversed(lines) if line.startswith("!"))) :]
