"""A bundle is put where a link leads, and published by its SHA-256; nothing else can be put there."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from core import http_client
from core.object_store.s3 import Bucket, S3Store
from functions.domain.catalog import bundle_store, bundle_uploads
from functions.domain.catalog.tests.making import a_bundle, an_agent
from testing import s3
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response


@pytest.fixture
def curator(person: Callable[..., Person]) -> Person:
    return person(("user", "catalog"))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ask(api: Api, curator: Person, content: bytes) -> Any:
    body = {"sha256": sha256(content), "length": len(content)}
    answer = api.admin.post("/v1/admin/bundle-uploads", json=body, token=curator.token)
    assert answer.status_code == 200, answer.text
    return answer.json


def put(api: Api, upload: Any, content: bytes) -> Response:
    url = urlsplit(upload["url"])
    return api.admin.put(f"{url.path}?{url.query}", data=content, headers=upload["header_fields"])


def publish(api: Api, curator: Person, slug: str, digest: str, **more: Any) -> Response:
    body = {"number": "1.0.0", "config_schema": {"type": "object"}, "bundle_sha256": digest, **more}
    return api.admin.post(f"/v1/admin/agents/{slug}/versions", json=body, token=curator.token)


def a_new_bundle() -> bytes:
    return a_bundle(f"def agent(request): return {uuid.uuid4().hex!r}")


def test_a_bundle_is_uploaded_without_a_token_and_published_by_its_hash(
    api: Api, env: Environment, curator: Person
) -> None:
    content, slug = a_new_bundle(), an_agent(env)
    assert publish(api, curator, slug, sha256(content)).code == "bundle_not_uploaded"
    assert put(api, ask(api, curator, content), content).status_code == 204
    assert publish(api, curator, slug, sha256(content)).status_code == 201
    assert bundle_store.fetch(sha256(content)) == content
    # As it is kept now, it needn't be uploaded for another version.
    assert bundle_uploads.remove_old(bundle_store.store(), older_than=0, check=False) >= 1
    assert publish(api, curator, slug, sha256(content), number="1.1.0").status_code == 201


def test_a_link_is_for_one_bundle_until_it_ends(api: Api, curator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    content, other = a_new_bundle(), a_new_bundle()
    upload = ask(api, curator, content)
    assert put(api, upload, other).code == "upload_other"
    elsewhere = {**upload, "url": upload["url"].replace(sha256(content), sha256(other))}
    assert put(api, elsewhere, other).code == "upload_expired"
    longer = {**upload, "url": upload["url"].replace("expires=1", "expires=2")}
    assert put(api, longer, content).code == "upload_expired"
    monkeypatch.setattr(bundle_uploads, "SECONDS", -1)
    assert put(api, ask(api, curator, content), content).code == "upload_expired"


def test_what_is_uploaded_is_checked_as_what_comes_with_a_publication(
    api: Api, env: Environment, curator: Person
) -> None:
    content = f"no zip {uuid.uuid4().hex}".encode()
    assert put(api, ask(api, curator, content), content).status_code == 204
    assert publish(api, curator, an_agent(env), sha256(content)).code == "bundle_invalid"
    assert publish(api, curator, an_agent(env), sha256(content), bundle="UEs=").code == "source_ambiguous"


def test_more_than_a_bundle_may_have_is_given_no_link(api: Api, curator: Person) -> None:
    for length in (0, 1024 * 1024 + 1):
        body = {"sha256": "0" * 64, "length": length}
        assert api.admin.post("/v1/admin/bundle-uploads", json=body, token=curator.token).code == "invalid"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """Have bundles kept in a bucket."""
    with s3.server() as url:
        store = S3Store(Bucket("bundles", endpoint=url), "id", "key")
        store.prepare()
        monkeypatch.setattr(bundle_store, "store", lambda: store)
        yield store


@pytest.mark.usefixtures("bucket")
def test_where_bundles_are_in_s3_the_link_leads_there(api: Api, env: Environment, curator: Person) -> None:
    content, slug = a_new_bundle(), an_agent(env)
    upload = ask(api, curator, content)
    assert "X-Amz-Signature=" in upload["url"]
    sent = http_client.request(
        upload["method"], upload["url"], body=content, headers=upload["header_fields"], seconds=20
    )
    assert sent.status == 200
    assert publish(api, curator, slug, sha256(content)).status_code == 201
    assert bundle_store.fetch(sha256(content)) == content
