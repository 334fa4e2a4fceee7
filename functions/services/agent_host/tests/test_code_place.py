"""How putting code in place can fail, in the words of a call."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.object_store.folder import FolderStore
from functions.domain.catalog.tests.making import a_bundle
from functions.domain.instances.plan import Result
from functions.services.agent_host.code_cache.installer import Installer
from functions.services.agent_host.code_cache.tests.an_index import an_index
from functions.services.agent_host.code_place import CodePlace
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.tests.contexts import a_context

NEVER = f"never-made==1.0 --hash=sha256:{'0' * 64}\n"
NOWHERE = Installer("http://127.0.0.1:1/simple")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def place(tmp_path: Path, store: FolderStore) -> Iterator[CodePlace]:
    with an_index() as index, closing(CodePlace(tmp_path / "code", store, Installer(index.url))) as place:
        yield place


def kept(store: FolderStore, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    store.put(f"bundles/{digest}", io.BytesIO(content))
    return digest


def failure(place: CodePlace, digest: str | None) -> Failure:
    with pytest.raises(Failure) as failed:
        place.of(a_context(digest=digest))
    return failed.value


def test_code_is_put_in_place(place: CodePlace, store: FolderStore) -> None:
    assert (place.of(a_context(digest=kept(store, a_bundle()))).folder / "main.py").is_file()


def test_what_can_never_be_put_in_place_is_refused_with_its_cause(place: CodePlace, store: FolderStore) -> None:
    found = {
        digest: failure(place, digest)
        for digest in ("0" * 64, kept(store, b"no zip"), kept(store, a_bundle(requirements=NEVER)))
    }
    causes = ("its bundle isn't where bundles are kept", "It is not a zip file", "never-made was not found")
    for each, cause in zip(found.values(), causes, strict=True):
        assert (each.result, cause in each.cause) == (Result.REFUSED, True), each.cause
    assert failure(place, None).result == Result.NOT_RUN


def test_what_may_work_later_is_tried_again(tmp_path: Path, store: FolderStore) -> None:
    digest = kept(store, a_bundle(requirements=NEVER))
    with closing(CodePlace(tmp_path / "code", store, NOWHERE)) as place:
        assert failure(place, digest).result == Result.FAILED
    (tmp_path / "file").touch()
    with closing(CodePlace(tmp_path / "other", FolderStore(tmp_path / "file"), NOWHERE)) as place:
        assert failure(place, digest).result == Result.UNREACHABLE
