"""`make console`: check the console's types, and build it into deploy/nginx/console."""

import sys

from tools.console import build


def main() -> None:
    """Say what became of it; end with code 1 where something is wrong."""
    try:
        build.describe_apis()
        build.check_types()
        build.bundle(build.BUILT)
    except build.NotBuiltError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{build.BUILT}: {build.script_bytes(build.BUILT)} bytes of script, compressed\n")


if __name__ == "__main__":
    main()
