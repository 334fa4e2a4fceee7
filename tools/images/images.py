"""`make images`: build every image, and print what the functions' weigh, against their budgets."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from functions.runtime.functions import declarations
from provisioning.local_settings import ROOT
from tools.images.engine import docker, why_not
from tools.manifests.compose import FILE

LAYER_BYTES: Final = 100_000
TOGETHER_BYTES: Final = 5_000_000
REBUILD_SECONDS: Final = 30

REGISTRY: Final = os.environ.get("BOTBERI_REGISTRY", "botberi")
VERSION: Final = os.environ.get("BOTBERI_VERSION", "latest")

SOURCES: Final = (
    FILE,
    "Dockerfile",
    ".dockerignore",
    "deploy",
    "tools/images/split.py",
    *("core", "shared_psql_models", "events", "functions", "migrations", "provisioning", "cli"),
)
"""What images are built of."""

REBUILT: Final = "one-line-change"
"""The version under which the images are built once more, to take the time."""


@dataclass(frozen=True)
class Layer:
    """A layer of an image, on the layers below it."""

    chain: str
    """What made it and everything below: two layers that have it in common are one on disk and in a registry."""
    size: int


def layers(image: str) -> list[Layer]:
    """Return the layers of an image, the lowest first."""
    lines = docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", image).splitlines()
    made = list(reversed(lines))
    chains = accumulate(made, lambda below, line: f"{below}\n{line}")
    return [Layer(chain, int(line.partition(" ")[0])) for chain, line in zip(chains, made, strict=True)]


def build(folder: Path, version: str) -> float:
    """Build every image of the compose file in `folder`; return the seconds that it took."""
    started = time.monotonic()
    # One after the other: engines with an old BuildKit fall over when forty builds share their stages.
    settings = {**os.environ, "BOTBERI_VERSION": version, "COMPOSE_PARALLEL_LIMIT": "1"}
    docker("compose", "--file", str(folder / FILE), "build", "--quiet", environment=settings)
    return time.monotonic() - started


def build_bases(groups: Sequence[str]) -> None:
    """Build the base images, on which faas-cli puts functions."""
    for group in groups:
        tag = _image(f"base-{group}")
        docker("build", "--quiet", "--target", "base", "--build-arg", f"GROUP={group}", "--tag", tag, str(ROOT))


def rebuild_after_one_line(file: Path) -> float:
    """Add a line to a function in a copy of the source; return the seconds that building every image takes then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in SOURCES:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        with (folder / file.relative_to(ROOT)).open("a") as source:
            source.write("# One line more.\n")
        seconds = build(folder, REBUILT)
    images = docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    docker("rmi", *(each for each in images if each.endswith(f":{REBUILT}")))
    return seconds


def report(every: Sequence[Declaration]) -> bool:
    """Print what the images weigh; return whether they keep within their budgets."""
    bases = {group: layers(_image(f"base-{group}")) for group in _groups(every)}
    images = {each.name: layers(_image(each.deployment)) for each in every}
    plain = together([bases["function"]])
    for group, base in bases.items():
        more = together([bases["function"], base]) - plain
        _say(f"base-{group}", together([base]), f"{more / 1e6:.1f} MB of it beyond base-function")
    shared = together(bases.values())
    _say("all bases, what they share counted once", shared, "")
    heaviest = max(images, key=lambda name: images[name][-1].size)
    added = together([*bases.values(), *images.values()]) - shared
    good = _keeps(f"the heaviest function's layer ({heaviest})", images[heaviest][-1].size, LAYER_BYTES)
    return _keeps(f"all {len(images)} functions beyond the bases", added, TOGETHER_BYTES) and good


def together(images: Iterable[Sequence[Layer]]) -> int:
    """Return the bytes of some images, what they share counted once."""
    return sum({layer.chain: layer.size for image in images for layer in image}.values())


def _groups(every: Sequence[Declaration]) -> list[str]:
    return sorted({"function", *(environment(each).group for each in every)})


def _image(name: str) -> str:
    return f"{REGISTRY}/{name}:{VERSION}"


def _say(what: str, size: int, remark: str) -> None:
    sys.stdout.write(f"{what:<52} {size / 1e6:>9.3f} MB   {remark}\n")


def _keeps(what: str, size: int, budget: int) -> bool:
    _say(what, size, f"{'within' if size <= budget else 'OVER'} its budget of {budget / 1e6:g} MB")
    return size <= budget


def main() -> None:
    """Build, measure and print."""
    if reason := why_not():
        sys.exit(f"images: {reason}")
    every = declarations()
    sys.stdout.write(f"built every image in {build(ROOT, VERSION):.0f} s\n")
    # faas-cli's Community Edition groups functions that need different ones.
    build_bases([*_groups(every), "functions"])
    good = report(every)
    seconds = rebuild_after_one_line(every[0].file)
    sys.stdout.write(
        f"all of them again after a line in {every[0].name}: {seconds:.0f} s, of {REBUILD_SECONDS} s at most\n"
    )
    sys.exit(0 if good else "images: over budget")


if __name__ == "__main__":
    main()
