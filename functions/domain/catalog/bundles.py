"""Bundles: an agent's source as a zip file. What comes from outside is checked and never imported."""

import ast
import io
import os
import stat
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Container, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from functions.domain.api_errors import FieldError, Invalid
from functions.domain.catalog import requirements

MAX_PACKED_BYTES: Final = 1024 * 1024
MAX_UNPACKED_BYTES: Final = 8 * 1024 * 1024
MAX_FILES: Final = 200
MAX_NAME: Final = 200
"""Characters in the path of a file inside a bundle."""
MAX_MAIN_BYTES: Final = 256 * 1024
"""The most that main.py may have: parsing a source takes a hundred times its size in memory."""

ENTRY: Final = "main.py"
FUNCTION: Final = "agent"
"""The function that an agent is, in `ENTRY`: it takes one argument, the request."""

TAKEN: Final = (sys.stdlib_module_names - {"test"}) | {
    *("flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker"),
    *("functions_framework", "cloudevents", "deprecation", "wrapt", "packaging", "google", "watchdog"),
    *("uvicorn", "httptools", "typing_extensions", "cython_runtime", "botberi_http"),
}
"""Modules that an agent's process itself imports: a bundle's files come first and would be taken in their place."""

_LEFT_OUT: Final = frozenset({"__pycache__", "tests"})
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class BundleInvalid(Invalid):
    """The bundle isn't a zip file of the form that an agent needs: `errors` says why."""

    def __init__(self, message: str) -> None:
        """`message` says what is wrong, for the person who made the bundle."""
        super().__init__(errors=[FieldError("/bundle", "bundle_invalid", message)])


def bundle(folder: Path) -> bytes:
    """Pack an agent's folder; the same files always give the same bytes.

    Left out are tests, byte code and hidden files. Raises BundleInvalid as `check` does.
    """
    packed, found = io.BytesIO(), sorted(names(folder))
    _check_sizes({name: (folder / name).stat().st_size for name in found})
    # Stored, not deflated: what zlib writes differs from one of its versions to the next.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in found:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, (folder / name).read_bytes())
    content = packed.getvalue()
    check(content)
    return content


def names(folder: Path) -> Iterator[str]:
    """Yield the names of the files in an agent's folder that are packed."""
    for place, folders, files in os.walk(folder):
        # What is left out may be large, as an environment of Python is: it isn't even looked at.
        folders[:] = filter(_is_packed, folders)
        for file in map(Path(place).joinpath, filter(_is_packed, files)):
            if file.is_file() and not file.is_symlink():
                yield file.relative_to(folder).as_posix()


def _is_packed(name: str) -> bool:
    return not name.startswith(".") and name not in _LEFT_OUT


def _check_sizes(files: dict[str, int]) -> None:
    """Raise BundleInvalid, before anything is read, for files that are too many or too large together."""
    if len(files) > MAX_FILES:
        raise BundleInvalid(
            f"It holds {len(files)} files, where {MAX_FILES} are allowed: move away what it can do without."
        )
    if sum(files.values()) > MAX_PACKED_BYTES:
        largest = max(files, key=files.__getitem__)
        raise BundleInvalid(
            f"It is larger than {MAX_PACKED_BYTES} bytes, of which {largest} has {files[largest]}: move away what it "
            "can do without, or fetch it when the agent runs."
        )


def check(content: bytes) -> None:
    """Raise BundleInvalid for what is too large, has unsafe names, no `agent` in main.py, or packages without hashes.

    Nothing of it is run.
    """
    files = _read(content)
    _check_names(files)
    try:
        requirements.check(files.get(requirements.FILE, b""))
    except requirements.RequirementsInvalid as error:
        raise BundleInvalid(str(error)) from None
    source = files.get(ENTRY)
    if source is None:
        raise BundleInvalid(f"There is no {ENTRY} at the top of it.{_remedy(files)}")
    if len(source) > MAX_MAIN_BYTES:
        raise BundleInvalid(f"{ENTRY} is larger than {MAX_MAIN_BYTES} bytes.")
    try:
        module = ast.parse(source, ENTRY)
    except SyntaxError as error:
        raise BundleInvalid(f"{ENTRY} is not Python: {error.msg} (line {error.lineno}).") from None
    except (ValueError, RecursionError, MemoryError):
        raise BundleInvalid(f"{ENTRY} is not Python.") from None
    _check_function(module, files)


def _check_function(module: ast.Module, files: Container[str]) -> None:
    """Raise BundleInvalid unless main.py has a function `agent`, its own or one from another file of the bundle."""
    for node in module.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == FUNCTION:
            raise BundleInvalid(
                f"{FUNCTION!r} in {ENTRY} is asynchronous: write it as a plain 'def {FUNCTION}(request)'."
            )
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTION:
            _check_parameters(node)
            return
        if isinstance(node, ast.ImportFrom) and any((each.asname or each.name) == FUNCTION for each in node.names):
            place = (node.module or "").replace(".", "/")
            if node.level or not (f"{place}.py" in files or f"{place}/__init__.py" in files):
                raise BundleInvalid(f"{ENTRY} imports {FUNCTION!r} from where the bundle has no file.")
            return
    raise BundleInvalid(
        f"{ENTRY} defines no function {FUNCTION!r} at its top level: write it there as 'def {FUNCTION}(request)', or "
        "import it there from another file of the bundle."
    )


def _check_parameters(function: ast.FunctionDef) -> None:
    """Raise BundleInvalid unless `agent` can be called with one argument; what a decorator makes of it isn't known."""
    given = function.args
    positional = len(given.posonlyargs) + len(given.args)
    least, most = positional - len(given.defaults), positional + (given.vararg is not None)
    if not function.decorator_list and (least > 1 or most < 1 or None in given.kw_defaults):
        raise BundleInvalid(f"{FUNCTION!r} in {ENTRY} isn't called with one argument: write 'def {FUNCTION}(request)'.")


def _remedy(files: Iterable[str]) -> str:
    """Return a sentence for whoever packed the folder instead of what is in it; empty if that is not the fault."""
    inside = sorted(name for name in files if name.endswith(f"/{ENTRY}") and not name.startswith("__MACOSX/"))
    if not inside:
        return ""
    return f" It is at {inside[0]}: pack what is in that folder, not the folder."


def _check_names(files: Iterable[str]) -> None:
    """Raise BundleInvalid for names that some file system takes for one, or that hide a module of the process."""
    known: dict[str, str] = {}
    for name in files:
        other = known.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            raise BundleInvalid(f"{other} and {name} are one file where case or the form of accents doesn't count.")
        top, _, rest = name.partition("/")
        if top.removesuffix(".py") in TAKEN and (rest == "__init__.py" or (not rest and top.endswith(".py"))):
            raise BundleInvalid(f"{name} hides a module of this name that every agent needs: give it another name.")


def required_by(content: bytes) -> bytes:
    """Return the requirements file of a bundle, empty if it has none. Raises BundleInvalid."""
    return _read(content).get(requirements.FILE, b"")


def unpack(content: bytes, folder: Path) -> None:
    """Write the files of a bundle into an existing folder. Raises BundleInvalid before it writes anything unsafe."""
    for name, data in _read(content).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _read(content: bytes) -> dict[str, bytes]:
    """Return the files of a bundle by name. Raises BundleInvalid before more is unpacked than a bundle may hold."""
    if len(content) > MAX_PACKED_BYTES:
        raise BundleInvalid(f"It is larger than {MAX_PACKED_BYTES} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            files = {entry.filename: archive.read(entry) for entry in entries if not entry.is_dir()}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        raise BundleInvalid("It is not a zip file that can be read.") from None
    _check_nesting(files)
    return files


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES:
        raise BundleInvalid(f"It holds more than {MAX_FILES} files.")
    # The module reads no more of an entry than the directory announces, so the sum here bounds what is unpacked.
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise BundleInvalid(f"Unpacked it is larger than {MAX_UNPACKED_BYTES} bytes.")
    if len({entry.filename for entry in entries}) < len(entries):
        raise BundleInvalid("A name occurs twice in it.")
    for entry in entries:
        _check_entry(entry)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = name.removesuffix("/").split("/")
    safe = len(name) <= MAX_NAME and name.isprintable() and not any(character in name for character in "\\:")
    if not safe or any(part in {"", ".", ".."} for part in parts) or entry.orig_filename != name:
        raise BundleInvalid("It holds a name that is absolute, leaves its folder or isn't plain text.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or (kind == stat.S_IFDIR) > entry.is_dir():
        raise BundleInvalid(f"{name} is not a plain file.")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or entry.flag_bits & 0x1:
        raise BundleInvalid(f"{name} is encrypted, or compressed in another way than deflate.")


def _check_nesting(files: dict[str, bytes]) -> None:
    folders = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents}
    both = sorted(folders & files.keys())
    if both:
        raise BundleInvalid(f"{both[0]} is both a file and a folder.")
