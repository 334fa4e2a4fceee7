"""What importing a function loads: a line of JSON for each, from a process without any environment.

Every function is imported in a fork of its own, which may neither connect, nor start a program, nor write a file.
"""

import json
import linecache
import os
import sys

from functions.runtime import functions

FORBIDDEN = ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.fork", "os.posix_spawn")


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in FORBIDDEN or writes:
        message = f"importing a function does {event} {arguments}"
        raise PermissionError(message)


def main() -> None:
    for file in functions.files():
        if os.fork() == 0:
            sys.dont_write_bytecode = True
            sys.addaudithook(refuse)
            functions.load(file)
            loaded = {name for name in sys.modules if name.partition(".")[0] not in sys.stdlib_module_names}
            packages = sorted({name.partition(".")[0] for name in loaded} - {file.stem})
            # SQLAlchemy leaves the code there that it makes up.
            sources = sorted(name for name in linecache.cache if not name.startswith("<"))
            line = json.dumps({"name": file.stem, "modules": len(loaded), "packages": packages, "sources": sources})
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            os._exit(0)
        _, status = os.wait()
        if status:
            sys.exit(f"{file.stem} can't be imported")


if __name__ == "__main__":
    main()
