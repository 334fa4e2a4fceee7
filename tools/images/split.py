"""Split the source into what images are made of: `split.py FROM INTO`.

Run while images are built. `INTO/shared` is the code of every image, `INTO/services` and `INTO/setup` what only those
images have beside it, and `INTO/functions/<API>/<name>` one function, laid out to be copied over `/app`.
Byte code is compiled and trusted without a look at times (unchecked hash), which layers and checkouts change.
"""

import compileall
import shutil
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

APIS = ("user", "admin", "broker", "subscribers")
SHARED = (
    "core",
    "events",
    "shared_psql_models",
    *(f"functions/{part}" for part in ("runtime", "schemas", "domain", "jobs")),
)
SERVICES = ("migrations", "functions/drivers", "functions/services")
SETUP = ("functions/agents", "provisioning", "cli")


def main(source: Path, into: Path) -> None:
    """Compile everything under `source`, then copy each part to its place."""
    mode = PycInvalidationMode.UNCHECKED_HASH
    # The path that tracebacks show is the one in the image.
    if not compileall.compile_dir(source, quiet=1, stripdir=str(source), prependdir="/app", invalidation_mode=mode):
        raise SystemExit(1)
    for part, folders in (("shared", SHARED), ("services", SERVICES), ("setup", SETUP)):
        for folder in folders:
            shutil.copytree(source / folder, into / part / folder)
    copy_module(source, source / "functions/__init__.py", into / "shared")
    for api in APIS:
        for file in sorted((source / "functions" / api).glob("*.py")):
            name = file.stem
            copy_module(source, file, into / ("shared" if name == "__init__" else f"functions/{api}/{name}"))


def copy_module(source: Path, file: Path, into: Path) -> None:
    """Copy a module and its byte code to the same place under `into`."""
    for each in (file, *(file.parent / "__pycache__").glob(f"{file.stem}.*.pyc")):
        target = into / each.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(each, target)


main(Path(sys.argv[1]), Path(sys.argv[2]))
