"""What an agent is made of and told while it is developed, looked at again and again and read when it has changed."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cli import agent_folder
from cli.agent_folder import FolderInvalid, Source
from functions.domain.catalog import bundles

if TYPE_CHECKING:
    from cli.local_agent import Config

Stamps = dict[Path, tuple[int, int]]
"""When each file was changed, and how long it is."""


@dataclass(frozen=True)
class WatchedFiles:
    """What the agent is made of, and what it is told."""

    folder: Path
    config: Path | None
    """Where the config is; None for the defaults of its schema."""
    secrets: Path | None
    """Where what is merged into the config is, for this machine alone."""

    def stamps(self) -> Stamps:
        """Return what changes with any of the files, by file."""
        found: Stamps = {}
        for file in self._all():
            # It may go while it is looked at.
            with suppress(FileNotFoundError):
                status = file.stat()
                found[file] = status.st_mtime_ns, status.st_size
        return found

    def _all(self) -> Iterator[Path]:
        yield from (self.folder / name for name in bundles.names(self.folder))
        yield from (each for each in (self.config, self.secrets) if each is not None)

    def read(self) -> "tuple[Source, Config]":
        """Return all of it, checked. Raises FolderInvalid."""
        from cli.local_agent import Config
        from functions.domain.instances import configs, merging
        from functions.domain.instances.configs import ConfigInvalid

        source = agent_folder.source(self.folder)
        self._check_secrets()
        values: dict[str, JsonValue] = {}
        for file in (self.config, self.secrets):
            if file is not None:
                values = merging.merged(values, agent_folder.read_object(file))
        try:
            whole = configs.completed(values, source.schema)
            return source, Config(whole, tuple(configs.secret_places(whole, source.schema)))
        except ConfigInvalid as error:
            raise FolderInvalid(
                *(f"config: {each.pointer.removeprefix('/config') or '/'}: {each.message}" for each in error.errors),
                *(() if self.config or self.secrets else ("Give what it lacks by --config FILE and --secrets FILE.",)),
            ) from None

    def _check_secrets(self) -> None:
        for name in bundles.names(self.folder):
            if self.secrets is not None and (self.folder / name).samefile(self.secrets):
                raise FolderInvalid(
                    f"{name} would be published with the agent, and its secrets with it: give the file a name that "
                    f"begins with a dot, such as .{name}, or keep it outside of the folder."
                )

    def remark(self) -> str | None:
        """Return what is wrong with agent.json or the folder's name: it runs nevertheless, but isn't published."""
        try:
            agent_folder.check_slug(self.folder.name)
            agent_folder.about(self.folder)
        except FolderInvalid as invalid:
            return str(invalid)
        return None


def differing(before: Stamps | None, after: Stamps) -> list[str]:
    """Return the names of the files that changed, came or went; none of the first look."""
    if before is None:
        return []
    return sorted({file.name for file, _ in before.items() ^ after.items()})
