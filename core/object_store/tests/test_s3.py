"""A bucket as a store of objects: of moto's server, and of LocalStack where `LOCALSTACK_URL` says where one is."""

import io
import os
import uuid
from collections.abc import Iterator
from typing import Final

import pytest
from moto.server import ThreadedMotoServer

from core.object_store.base import StoreUnavailable
from core.object_store.s3 import Bucket, S3Store
from core.object_store.tests.suite import StoreSuite, content_of

LOCALSTACK_URL: Final = "LOCALSTACK_URL"


@pytest.fixture(scope="module", params=["moto", "localstack"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "localstack":
        if LOCALSTACK_URL not in os.environ:
            pytest.skip(f"no LocalStack is asked: {LOCALSTACK_URL} says where there is one, as compose's is")
        yield os.environ[LOCALSTACK_URL]
        return
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class TestS3(StoreSuite):
    @pytest.fixture
    def store(self, endpoint: str) -> S3Store:
        store = S3Store(Bucket(f"test-{uuid.uuid4().hex}", "some/prefix", endpoint), "id", "key")
        store.prepare()
        return store

    def test_a_bucket_that_is_there_is_left_as_it_is(self, store: S3Store) -> None:
        store.put("key", io.BytesIO(b"one"))
        store.prepare()
        assert content_of(store, "key") == b"one"

    def test_a_bucket_that_is_not_there_is_said_to(self, endpoint: str) -> None:
        store = S3Store(Bucket("never-made", endpoint=endpoint), "id", "key")
        with pytest.raises(StoreUnavailable, match=r"s3://never-made.*NoSuchBucket"):
            store.put("key", io.BytesIO(b""))
