"""Serve one function as its container does: `host.py NAME PORT`."""

import os
import sys

if __name__ == "__main__":
    os.environ["PORT"] = sys.argv.pop()
    from functions.runtime.host import main

    main()
