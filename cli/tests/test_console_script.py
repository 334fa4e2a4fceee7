"""`botberi` is a console script of the package, and a command of the checkout."""

import subprocess
import tomllib
from importlib.metadata import EntryPoint

from provisioning.local_settings import ROOT


def test_the_console_script_is_the_command_of_the_checkout() -> None:
    [(name, value)] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"].items()
    main = EntryPoint(name, value, "console_scripts").load()
    assert (name, main.__module__) == ("botberi", "cli.__main__")
    told = subprocess.run([ROOT / "botberi", "--help"], capture_output=True, text=True, check=True)
    assert "Botberi, for those who run it." in told.stdout
