"""The host: one process that serves the functions it is told to: `python -m functions.runtime.host`.

Whatever is slow to import comes into `main`, after the search for garbage is switched off: nothing of what a start
makes is garbage, and looking for it is a tenth of a cold start.
"""

import argparse
import gc
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from functions.runtime.hosting import Host


def main() -> None:
    """Serve functions: `python -m functions.runtime.host [--bind HOST:PORT[=API] …] [NAME …]`."""
    gc.disable()
    # There are none, and pydantic would look through every package for them.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from core import logs
    from functions.runtime import problems
    from functions.runtime.functions import files
    from functions.runtime.http.server import serve

    parser = argparse.ArgumentParser(prog="host", description=main.__doc__)
    parser.add_argument("names", nargs="*", help="functions to serve; all of them without a name")
    parser.add_argument("--bind", action="append", default=[], help="HOST:PORT, or HOST:PORT=API for one API")
    arguments = parser.parse_args()
    names = arguments.names or [file.stem for file in files()]
    logs.configure("host" if len(names) != 1 else names[0])
    binds = arguments.bind or [f"0.0.0.0:{os.environ.get('PORT', '8080')}"]
    addresses = dict(bind.partition("=")[::2] for bind in binds)
    apis = {address.rpartition(":")[2]: api for address, api in addresses.items() if api}
    threads = int(os.environ.get("THREADS", "8"))
    serve(lambda: _host(names, apis), addresses, threads=threads, problem=problems.of_request)


def _host(names: list[str], apis: dict[str, str]) -> "Host":
    from core.configuration import MissingSettingError
    from functions.runtime.environment import refuse_incomplete
    from functions.runtime.hosting import create

    host = create(names, apis)
    try:
        refuse_incomplete(host.declarations)
    except MissingSettingError as error:
        raise SystemExit(str(error)) from None
    # What has been made so far stays for good, and is never looked at again.
    gc.freeze()
    gc.enable()
    return host


if __name__ == "__main__":
    main()
