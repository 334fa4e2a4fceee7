"""Bundles: deterministic, and nothing unsafe gets through."""

import io
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from functions.domain.catalog import bundles
from functions.domain.catalog.bundles import BundleInvalid

MAIN = "def agent(request):\n    return {}\n"


def packed(files: dict[str, str], mode: int = stat.S_IFREG | 0o644) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = mode << 16
            archive.writestr(entry, text)
    return content.getvalue()


def test_the_same_folder_gives_the_same_bytes_and_comes_back_whole(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "main.pyc").write_text("x")
    (folder / "data").mkdir()
    out.mkdir()
    (folder / "main.py").write_text(MAIN)
    (folder / "data" / "words.txt").write_text("hello")
    first = bundles.bundle(folder)
    (folder / "main.py").touch()
    assert bundles.bundle(folder) == first
    bundles.unpack(first, out)
    names = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    assert names == {"main.py", "data/words.txt"}
    assert (out / "main.py").read_text() == MAIN


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../main.py", "a/../../b", "a//b", "c:\\x", "..\\x", "./x", "a\nb", "n" * 201]
)
def test_a_name_that_leaves_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    content = packed({"main.py": MAIN, name: "x"})
    with pytest.raises(BundleInvalid):
        bundles.unpack(content, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_symlink_is_refused() -> None:
    with pytest.raises(BundleInvalid):
        bundles.check(packed({"main.py": MAIN}, mode=stat.S_IFLNK | 0o777))


@pytest.mark.parametrize(
    "main",
    ["x = 1", "class agent: pass", "def other(r): ...", "def agent(", "\x00", "(" * 5000, "if 1:\n def agent(r): ..."],
)
def test_main_without_an_agent_is_refused(main: str) -> None:
    with pytest.raises(BundleInvalid):
        bundles.check(packed({"main.py": main}))


def api_error(files: dict[str, str]) -> str:
    with pytest.raises(BundleInvalid) as refused:
        bundles.check(packed(files))
    return refused.value.errors[0].message


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"main.py": "async def agent(r): ..."}, "plain 'def agent(request)'"),
        ({"main.py": f"{MAIN}\nx =\n"}, "not Python: invalid syntax (line "),
        ({"main.py": "agent = print"}, "write it there"),
        ({"main.py": "def agent(): ..."}, "one argument"),
        ({"main.py": "def agent(request, more): ..."}, "one argument"),
        ({"main.py": "def agent(request, *, more): ..."}, "one argument"),
        ({"main.py": "from impl import agent"}, "no file"),
        ({"main.py": "from .impl import agent", "impl.py": MAIN}, "no file"),
        ({"my-agent/main.py": MAIN, "__MACOSX/main.py": ""}, "my-agent/main.py: pack what is in that folder"),
        ({"main.py": MAIN, "flask.py": ""}, "flask.py hides"),
        ({"main.py": MAIN, "json/__init__.py": ""}, "json/__init__.py hides"),
        ({"main.py": MAIN, "Main.py": MAIN}, "one file"),
        ({"main.py": MAIN, "caf\u00e9.txt": "", "cafe\u0301.txt": ""}, "one file"),
    ],
)
def test_a_refusal_says_what_to_do(files: dict[str, str], words: str) -> None:
    assert words in api_error(files)


@pytest.mark.parametrize(
    "files",
    [
        {"main.py": "from impl import agent", "impl.py": MAIN},
        *({"main.py": f"{each}: ..."} for each in ("def agent(*rest)", "def agent(r, more=1, /, *, other=2)")),
        {"main.py": "from functools import wraps\n@wraps(print)\ndef agent(): ..."},
        {"main.py": "from parts.impl import answer as agent", "parts/impl.py": "def answer(r): ..."},
        {"main.py": MAIN, "lib/flask.py": "", "json/data.txt": "", "tests/main.py": ""},
    ],
)
def test_other_files_may_hold_the_function_and_have_most_names(files: dict[str, str]) -> None:
    bundles.check(packed(files))


def test_the_modules_of_an_agents_process_are_known() -> None:
    program = "import functions_framework, uvicorn, httptools, sys; print(*sys.modules)"
    arguments = [sys.executable, "-I", "-c", program]
    run = subprocess.run(arguments, check=True, capture_output=True, text=True)
    loaded = {module.partition(".")[0] for module in run.stdout.split()}
    assert {name for name in loaded if not name.startswith("_")} <= bundles.TAKEN | {"sitecustomize"}


def test_checking_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    bundles.check(packed({"main.py": f"open({str(mark)!r}, 'w')\n{MAIN}"}))
    assert not mark.exists()


def test_a_bomb_is_refused_by_what_it_announces() -> None:
    content = packed({"main.py": MAIN, "zeros": "0" * (bundles.MAX_UNPACKED_BYTES + 1)})
    assert len(content) < bundles.MAX_PACKED_BYTES
    with pytest.raises(BundleInvalid, match="errors"):
        bundles.check(content)


def test_a_bomb_that_announces_less_than_it_holds_is_refused() -> None:
    content = packed({"main.py": MAIN, "zeros": "0" * 100_000})
    lying = content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != content
    with pytest.raises(BundleInvalid):
        bundles.check(lying)


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 1000, b"\x00" * (bundles.MAX_PACKED_BYTES + 1)])
def test_what_is_no_zip_file_is_refused(content: bytes) -> None:
    with pytest.raises(BundleInvalid):
        bundles.check(content)


def test_too_many_files_are_refused() -> None:
    with pytest.raises(BundleInvalid):
        bundles.check(packed({"main.py": MAIN} | {f"f{number}": "" for number in range(bundles.MAX_FILES)}))


def test_a_name_that_occurs_twice_is_refused() -> None:
    content = packed({"main.py": MAIN, "twin.py": MAIN})
    with pytest.raises(BundleInvalid):
        bundles.check(content.replace(b"twin.py", b"main.py"))


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    with pytest.raises(BundleInvalid):
        bundles.check(packed({"main.py": MAIN, "a": "x", "a/b": "y"}))
