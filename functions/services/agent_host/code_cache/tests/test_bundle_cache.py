"""Code on a host's disk: what was published and nothing else, with what it requires."""

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from core.object_store.folder import FolderStore
from functions.domain.catalog.bundle_store import BundleLost
from functions.domain.catalog.bundles import BundleInvalid
from functions.domain.catalog.tests.making import a_bundle
from functions.services.agent_host.code_cache.bundle_cache import BundleCache
from functions.services.agent_host.code_cache.installer import Installer, InstallFailed
from functions.services.agent_host.code_cache.tests.an_index import Index, an_index
from functions.services.agent_host.sandbox.children import Children, Rules
from functions.services.agent_host.sandbox.limits import Egress, Limits
from functions.services.agent_host.sandbox.tests.conftest import ask

LIMIT = 100 * 1024 * 1024

Host = Callable[..., BundleCache]


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with an_index() as index:
        yield index


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def kept(store: FolderStore, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    store.put(f"bundles/{sha256}", io.BytesIO(content))
    return sha256


@pytest.fixture
def host(tmp_path: Path, store: FolderStore, index: Index) -> Iterator[Host]:
    """Return a function that opens the cache of a host, each of which has a folder of its own."""
    with ExitStack() as stack:

        def opened(name: str = "host", *, limit: int = LIMIT, installer: Installer | None = None) -> BundleCache:
            cache = BundleCache(tmp_path / name, limit, store, installer or Installer(index.url))
            return stack.enter_context(closing(cache))

        yield opened


def test_a_version_is_there_as_it_was_published(host: Host, store: FolderStore) -> None:
    digest = kept(store, a_bundle())
    code = host().code(digest)
    assert (code.digest, code.packages) == (digest, None)
    assert "def agent" in (code.folder / "main.py").read_text()


def test_a_version_that_is_there_needs_no_store(host: Host, store: FolderStore) -> None:
    digest = kept(store, a_bundle())
    host().code(digest)
    store.delete(f"bundles/{digest}")
    assert host().code(digest).folder.is_dir()


def test_what_is_not_what_was_published_is_refused(host: Host, store: FolderStore) -> None:
    cache = host()
    store.put("bundles/" + "0" * 64, io.BytesIO(a_bundle()))
    for digest in ("0" * 64, "1" * 64):
        with pytest.raises(BundleLost):
            cache.code(digest)
    with pytest.raises(BundleInvalid):
        cache.code(kept(store, b"no zip"))


def test_what_it_requires_can_be_imported(host: Host, store: FolderStore, index: Index) -> None:
    line = index.add("shouting", {"shouting.py": "WORD = 'HELLO'\n"})
    code = host().code(kept(store, a_bundle(requirements=line)))
    command = [sys.executable, "-c", "import shouting; print(shouting.WORD)"]
    said = subprocess.run(command, env={"PYTHONPATH": str(code.packages)}, capture_output=True, text=True, check=True)
    assert said.stdout == "HELLO\n"
    assert code.packages is not None
    assert not (code.packages / ".lock").exists()


def test_an_agent_in_its_boundary_has_what_it_requires(
    host: Host, store: FolderStore, index: Index, tmp_path: Path
) -> None:
    line = index.add("loud", {"loud.py": "def said(text):\n    return text.upper()\n"})
    main = "import loud\n\ndef agent(request):\n    return {'text': loud.said(request.get_json()['text'])}\n"
    code = host().code(kept(store, a_bundle(main, requirements=line)))
    children = Children(tmp_path / "children", rules=Rules(Egress.NONE), on_log=print, on_exit=print)
    children.start()
    with closing(children):
        child = children.wake("an agent", code, b'{"config": {}}', Limits(), seconds=120)
        assert ask(child, {"text": "hello"}) == {"text": "HELLO"}


def test_another_host_fetches_what_one_has_installed(host: Host, store: FolderStore, index: Index) -> None:
    line = index.add("fetched", {"fetched/__init__.py": "", "fetched/data.txt": "text"})
    digest = kept(store, a_bundle(requirements=line))
    first = host("first").code(digest).packages
    asked = len(index.asked)
    second = host("second").code(digest).packages
    assert len(index.asked) == asked
    assert first is not None
    assert second is not None
    assert {file.relative_to(first) for file in first.rglob("*")} == {
        file.relative_to(second) for file in second.rglob("*")
    }
    assert (second / "fetched" / "data.txt").read_text() == "text"


def test_an_archive_that_is_not_what_was_installed_is_made_anew(
    host: Host, store: FolderStore, index: Index, tmp_path: Path
) -> None:
    digest = kept(store, a_bundle(requirements=index.add("mended", {"mended.py": ""})))
    host("first").code(digest)
    archive = next(store.keys("archives/"))
    store.delete(archive)
    store.put(archive, io.BytesIO(b"something else"))
    code = host("second").code(digest)
    assert code.packages is not None
    assert (code.packages / "mended.py").exists()
    assert [key for key in store.keys("archives/") if (tmp_path / "store" / key).read_bytes() != b"something else"]


def test_two_hosts_that_install_the_same_come_to_the_same_archive(host: Host, store: FolderStore, index: Index) -> None:
    digest = kept(store, a_bundle(requirements=index.add("twice", {"twice.py": ""})))
    host("first").code(digest)
    before = sorted(store.keys("archives/"))
    for key in [*store.keys("packages/")]:
        store.delete(key)
    host("second").code(digest)
    assert sorted(store.keys("archives/")) == before


def test_what_does_not_have_the_hash_is_refused_for_good(host: Host, store: FolderStore, index: Index) -> None:
    index.add("forged", {"forged.py": ""})
    line = f"forged==1.0 --hash=sha256:{'0' * 64}\n"
    with pytest.raises(InstallFailed) as failed:
        host().code(kept(store, a_bundle(requirements=line)))
    assert not failed.value.again
    assert "hash" in " ".join(failed.value.lines).lower()
    assert list(store.keys("packages/")) == []


def test_what_the_index_has_not_is_said_with_the_installers_words(host: Host, store: FolderStore) -> None:
    line = f"never-made==1.0 --hash=sha256:{'0' * 64}\n"
    with pytest.raises(InstallFailed) as failed:
        host().code(kept(store, a_bundle(requirements=line)))
    assert not failed.value.again
    assert "never-made was not found" in " ".join(failed.value.lines)


def test_files_come_from_the_servers_that_are_named_and_no_others(host: Host, store: FolderStore, index: Index) -> None:
    with an_index() as other:
        line = index.add("elsewhere", {"elsewhere.py": ""})
        [(path, wheel)] = [
            (path, page) for path, page in index.pages.items() if path.endswith("elsewhere-1.0-py3-none-any.whl")
        ]
        server = other.url.removesuffix("/simple")
        other.pages[path] = wheel
        page = index.pages["/simple/elsewhere/"].decode()
        index.pages["/simple/elsewhere/"] = page.replace('href="', f'href="{server}/simple/elsewhere/').encode()
        digest = kept(store, a_bundle(requirements=line))
        with pytest.raises(InstallFailed) as failed:
            host("one").code(digest)
        assert other.asked == []
        assert f"Not reached: {server.removeprefix('http://')}, PACKAGE_INDEX doesn't name it." in failed.value.lines
        code = host("two", installer=Installer(f"{index.url} {server}")).code(digest)
        assert code.packages is not None
        assert (code.packages / "elsewhere.py").exists()


def test_a_program_that_a_package_brings_can_be_run(host: Host, store: FolderStore, index: Index) -> None:
    line = index.add("tool", {"tool-1.0.data/scripts/tool": "#!/bin/sh\necho done\n"})
    code = host().code(kept(store, a_bundle(requirements=line)))
    assert code.packages is not None
    assert (
        subprocess.run([code.packages / "bin" / "tool"], capture_output=True, text=True, check=True).stdout == "done\n"
    )


def test_an_index_that_does_not_answer_is_worth_another_try(host: Host, store: FolderStore) -> None:
    cache = host(installer=Installer("http://127.0.0.1:1/simple"))
    line = f"whatever==1.0 --hash=sha256:{'0' * 64}\n"
    with pytest.raises(InstallFailed) as failed:
        cache.code(kept(store, a_bundle(requirements=line)))
    assert failed.value.again
    assert "Not reached: 127.0.0.1:1, " in " ".join(failed.value.lines)


def test_what_takes_too_long_or_too_much_room_is_ended(
    host: Host, store: FolderStore, index: Index, tmp_path: Path
) -> None:
    digest = kept(store, a_bundle(requirements=index.add("large", {"large.py": "#" * 5_000_000})))
    for installer, message in (
        (Installer(index.url, seconds=0), "longer than 0 s"),
        (Installer(index.url, limit_bytes=-1), "more than -1 bytes"),
    ):
        cache = host(installer=installer)
        with pytest.raises(InstallFailed, match=message):
            cache.code(digest)
    assert list((tmp_path / "host" / "folders").glob(".*")) == []


def test_packages_stay_as_long_as_their_version_is_used(host: Host, store: FolderStore, index: Index) -> None:
    digest = kept(store, a_bundle(requirements=index.add("staying", {"staying.py": ""})))
    cache = host(limit=0)
    code = cache.code(digest)
    cache.trim({digest})
    assert code.packages is not None
    assert (code.packages / "staying.py").exists()


def test_what_a_version_requires_is_worked_out_once(host: Host, store: FolderStore, index: Index) -> None:
    cache = host()
    digests = [kept(store, a_bundle(requirements=lines)) for lines in (index.add("known", {"known.py": ""}), "")]
    before = [cache.code(digest) for digest in digests]
    for code in before:
        code.folder.chmod(0o700)
        (code.folder / "requirements.txt").unlink(missing_ok=True)
    (before[1].folder / "requirements.txt").write_text(index.add("late", {"late.py": ""}))
    assert [cache.code(digest) for digest in digests] == before
