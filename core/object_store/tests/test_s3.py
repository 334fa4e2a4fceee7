"""A bucket as a store of objects: of moto's server, and of LocalStack where `LOCALSTACK_URL` says where one is."""

import io
import os
import uuid
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import boto3
import pytest

from core.object_store.base import StoreUnavailable
from core.object_store.s3 import DELETED_DAYS, GONE_DAYS, Bucket, S3Store
from core.object_store.tests.suite import BucketSuite, content_of
from testing import s3

LOCALSTACK_URL: Final = "LOCALSTACK_URL"


@pytest.fixture(scope="module", params=["moto", "localstack"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "localstack":
        if LOCALSTACK_URL not in os.environ:
            pytest.skip(f"no LocalStack is asked: {LOCALSTACK_URL} says where there is one, as compose's is")
        yield os.environ[LOCALSTACK_URL]
        return
    with s3.server() as url:
        yield url


class TestS3(BucketSuite):
    @pytest.fixture
    def store(self, endpoint: str) -> S3Store:
        store = S3Store(Bucket(f"test-{uuid.uuid4().hex}", "some/prefix", endpoint), "id", "key")
        store.prepare()
        return store

    def test_a_bucket_that_is_there_is_left_as_it_is(self, store: S3Store) -> None:
        store.put("key", io.BytesIO(b"one"))
        store.prepare()
        assert content_of(store, "key") == b"one"

    def test_a_link_is_to_the_host_where_people_reach_the_bucket(self) -> None:
        bucket = Bucket("some", endpoint="http://inside:4566", public="https://objects.example.com")
        link = S3Store(bucket, "id", "key").link("key", name="a.gz", content_type="application/gzip", seconds=60)
        assert link.startswith("https://objects.example.com/some/key?")
        aws = S3Store(Bucket("some", region="eu-central-1"), "id", "key")
        assert urlsplit(aws.link("key", name="a", content_type="text/plain", seconds=60)).hostname in {
            "some.s3.amazonaws.com",
            "some.s3.eu-central-1.amazonaws.com",
        }

    def test_what_was_deleted_is_kept_for_a_month_and_some_of_it_for_a_day(self, endpoint: str) -> None:
        name = f"test-{uuid.uuid4().hex}"
        S3Store(Bucket(name, "some", endpoint, gone_once_deleted=("private/",)), "id", "key").prepare()
        client = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="key"
        )
        rules = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        days = {each["Filter"]["Prefix"]: each["NoncurrentVersionExpiration"]["NoncurrentDays"] for each in rules}
        assert days == {"": DELETED_DAYS, "some/private/": GONE_DAYS}

    def test_a_bucket_that_is_not_there_is_said_to(self, endpoint: str) -> None:
        store = S3Store(Bucket("never-made", endpoint=endpoint), "id", "key")
        with pytest.raises(StoreUnavailable, match=r"s3://never-made.*NoSuchBucket"):
            store.put("key", io.BytesIO(b""))
