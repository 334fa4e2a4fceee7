"""The store of objects against compose's LocalStack, which is nearer to S3 than what other tests ask."""

import uuid

import pytest

from core.object_store.s3 import Bucket, S3Store
from core.object_store.tests.suite import SigningSuite
from provisioning.local_settings import LOOPBACK
from testing.compose_stack import Topology

pytestmark = pytest.mark.containers


class TestLocalStack(SigningSuite):
    @pytest.fixture
    def store(self, running: Topology) -> S3Store:
        key_id, key = (running.env.secrets / "object-store-key").read_text().split()
        bucket = Bucket(f"test-{uuid.uuid4().hex}", "some/prefix", f"http://{LOOPBACK}:{running.ports['S3']}")
        store = S3Store(bucket, key_id, key)
        store.prepare()
        return store
