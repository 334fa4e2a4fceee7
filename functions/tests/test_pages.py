"""What holds for every page that is served: those of accounts, and the console."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = sorted([*ROOT.glob("deploy/nginx/app/*.html"), *ROOT.glob("console/src/**/*.tsx")])
SCRIPTS: Final = sorted([*ROOT.glob("deploy/nginx/app/*.js"), *ROOT.glob("console/src/**/*.ts*")])

MARKUP: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|dangerouslySet|srcdoc|DOMParser|createContextualFragment"
    r"|document\.write|\beval\(|new Function\b"
)
"""What takes text for markup, or for a script."""

PASSWORD: Final = re.compile(r"<(?:input|Field)\b[^>]*\bname=\"\w*password\"[^>]*>")


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", SCRIPTS, ids=name_of)
def test_no_script_takes_text_for_markup(file: Path) -> None:
    assert MARKUP.findall(file.read_text(encoding="utf-8")) == []


def test_passwords_are_masked_and_known_to_password_managers() -> None:
    fields = [field for file in PAGES for field in PASSWORD.findall(file.read_text(encoding="utf-8"))]
    assert len(fields) >= 8
    assert [each for each in fields if 'type="password"' not in each] == []
    assert [each for each in fields if not re.search(r'autocomplete="(current|new)-password"', each)] == []


@pytest.mark.parametrize("file", [*PAGES, *SCRIPTS], ids=name_of)
def test_nothing_keeps_anybody_from_pasting(file: Path) -> None:
    assert not re.search(r"onpaste|[\"']paste[\"']", file.read_text(encoding="utf-8"), re.IGNORECASE)
