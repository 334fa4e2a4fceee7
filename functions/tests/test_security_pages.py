"""The pages about data and algorithms name everything that they are about."""

import ast
import re
from pathlib import Path

import pytest

from functions.tests.test_house_rules import sources

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "security"
ROOMS = ("core", "shared_psql_models", "events", "functions", "migrations", "provisioning", "cli")

CLASSES = {"secret", "personal", "internal", "public"}
LIBRARIES = {"hmac", "secrets", "ssl", "cryptography", "argon2", "jwt", "pyotp", "fido2", "joserfc", "authlib"}
SECRET = re.compile(r"(^|_)(hash|sealed|password)$|^wrapped_key$")
"""Names of columns that hold what lets somebody in, or what seals it."""

TABLE = re.compile(r"^CREATE TABLE public\.(\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
COLUMN = re.compile(r"^    (\w+) (?:text|bytea)", re.MULTILINE)


def columns(database: str) -> dict[str, list[str]]:
    """Return the columns of each table of a database that hold text or bytes."""
    schema = (ROOT / "migrations" / database / "schema.sql").read_text()
    return {name: COLUMN.findall(body) for name, body in TABLE.findall(schema)}


def classes(database: str) -> list[tuple[str, str]]:
    """Return each table of a database as the page names it, with the class that it has there."""
    page = (PAGES / "data.md").read_text()
    [section] = [each for each in page.split("\n## ") if each.startswith(f"In `{database}`")]
    rows = re.findall(r"^\| (`.+`) \| (\w+) \|", section, re.MULTILINE)
    return [(name, kind) for names, kind in rows for name in re.findall(r"`(\w+)`", names)]


@pytest.mark.parametrize("database", ["user_psql", "shared_psql"])
def test_each_table_has_its_class_once(database: str) -> None:
    told = classes(database)
    assert sorted(name for name, _ in told) == sorted(columns(database))
    assert {kind for _, kind in told} <= CLASSES


@pytest.mark.parametrize("database", ["user_psql", "shared_psql"])
def test_a_table_with_what_opens_something_is_secret(database: str) -> None:
    told = dict(classes(database))
    opening = {table for table, names in columns(database).items() if any(map(SECRET.search, names))}
    # By the hashes of the audit trail nothing is opened.
    assert {table for table in opening if told[table] != "secret" and not table.startswith("audit_")} == set()
    assert len(opening) > 2


def libraries(file: Path) -> set[str]:
    """Return which libraries of cryptography a file uses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                found |= {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module.partition(".")[0])
            case _:
                pass
    return found & LIBRARIES


def test_each_file_that_uses_cryptography_is_in_the_inventory() -> None:
    using = {str(file.relative_to(ROOT)) for file in sources(*ROOMS) if libraries(file)}
    told = re.findall(r"`(\w[\w/]+\.py)`", (PAGES / "cryptography.md").read_text())
    assert sorted(told) == sorted(using)
