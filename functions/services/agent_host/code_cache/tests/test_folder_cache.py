"""Folders that are made once, kept within a limit, and left whole by whoever is killed."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from functions.services.agent_host.code_cache import folder_cache
from functions.services.agent_host.code_cache.folder_cache import FolderCache

LIMIT = 10_000

Opened = Callable[[Path, int], FolderCache]

SPAWN = multiprocessing.get_context("spawn")


def filled(size: int = 1) -> Callable[[Path], None]:
    def make(draft: Path) -> None:
        (draft / "file").write_bytes(b"x" * size)

    return make


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # What was asked for counts as used for a while: not here, where nobody waits.
    monkeypatch.setattr(folder_cache, "KEEP_SECONDS", 0)


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Return a function that opens a cache, as a process of its own would."""
    with ExitStack() as stack:
        yield lambda folder, limit: stack.enter_context(closing(FolderCache(folder, limit)))


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in (folder / "folders").iterdir())


def test_a_folder_is_made_once_and_can_only_be_read(opened: Opened, tmp_path: Path) -> None:
    cache, made = opened(tmp_path, LIMIT), []

    def make(draft: Path) -> None:
        made.append(draft)
        (draft / "sub").mkdir()
        (draft / "sub" / "file").write_text("text")

    places = {cache.hold("one", make), cache.hold("one", make), opened(tmp_path, LIMIT).hold("one", make)}
    place = places.pop()
    assert (len(made), places) == (1, set())
    assert (place / "sub" / "file").read_text() == "text"
    assert [oct(each.stat().st_mode & 0o777) for each in (place, place / "sub", place / "sub" / "file")] == [
        "0o555",
        "0o555",
        "0o444",
    ]


def test_of_many_who_ask_at_once_one_makes_it(opened: Opened, tmp_path: Path) -> None:
    made: list[Path] = []
    caches = [opened(tmp_path, LIMIT) for _ in range(4)]

    def ask(cache: FolderCache) -> None:
        cache.hold("one", made.append)

    threads = [threading.Thread(target=ask, args=(cache,)) for cache in caches for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_cannot_be_made_leaves_nothing_and_is_tried_again(opened: Opened, tmp_path: Path) -> None:
    cache = opened(tmp_path, LIMIT)

    def fails(draft: Path) -> None:
        (draft / "file").touch()
        raise RuntimeError("a bad day")

    with pytest.raises(RuntimeError, match="a bad day"):
        cache.hold("one", fails)
    assert names(tmp_path) == []
    assert (cache.hold("one", filled()) / "file").exists()


def test_what_was_asked_for_last_is_kept_within_the_limit(opened: Opened, tmp_path: Path) -> None:
    cache = opened(tmp_path, 3 * 4096)
    for when, name in enumerate(("old", "older", "new")):
        place = cache.hold(name, filled(4096))
        os.utime(tmp_path / "locks" / name, (when, 0 if name == "older" else when + 1))
    assert place.is_dir()
    cache.trim()
    assert "older" not in names(tmp_path)
    assert "new" in names(tmp_path)


def test_what_is_used_here_or_elsewhere_is_never_removed(opened: Opened, tmp_path: Path) -> None:
    here, elsewhere = opened(tmp_path, 0), opened(tmp_path, 0)
    for name in ("used", "unused"):
        here.hold(name, filled())
    elsewhere.hold("held", filled())
    here.trim({"used"})
    assert names(tmp_path) == ["held", "used"]
    elsewhere.trim()
    assert names(tmp_path) == ["used"]


def test_what_was_just_asked_for_is_not_removed(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_cache, "KEEP_SECONDS", 600)
    cache = opened(tmp_path, 0)
    cache.hold("one", filled())
    cache.trim()
    assert names(tmp_path) == ["one"]


def make_and_be_killed(folder: Path) -> None:
    def make(draft: Path) -> None:
        (draft / "half").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    FolderCache(folder, LIMIT).hold("one", make)


def hold_and_be_killed(folder: Path) -> None:
    FolderCache(folder, LIMIT).hold("two", filled())
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("kill", [make_and_be_killed, hold_and_be_killed])
def test_who_is_killed_leaves_nothing_in_the_way(opened: Opened, tmp_path: Path, kill: Callable[[Path], None]) -> None:
    process = SPAWN.Process(target=kill, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    cache = opened(tmp_path, 0)
    cache.trim()
    assert names(tmp_path) == []
    assert sorted(each.name for each in cache.hold("one", filled()).iterdir()) == ["file"]
