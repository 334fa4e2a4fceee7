"""wrk, which asks one address over kept connections as fast as it is answered."""

import re
import subprocess
from pathlib import Path

from tools.local.servers.binaries import find


def rate(url: str, *, connections: int, seconds: float, script: Path | None = None) -> float:
    """Return the requests a second that are answered well, by one thread of wrk; `script` makes the requests."""
    options = ("-t", "1", "-c", str(connections), "-d", f"{seconds:.0f}s", *(("-s", str(script)) if script else ()))
    told = subprocess.run([str(find("wrk")), *options, url], check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s*([0-9.]+)", told)
    if found is None or "Non-2xx" in told:
        raise RuntimeError(told)
    return float(found[1])
