"""A store of objects in a bucket of S3, or of anything that speaks S3 and knows conditional writes."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, TypedDict

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.object_store import base
from core.object_store.base import ObjectMissing, StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import LifecycleRuleTypeDef, PublicAccessBlockConfigurationTypeDef

ATTEMPTS: Final = 3
CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 20

REGION: Final = "us-east-1"
"""Where a bucket is of which nothing else is said."""

DELETED_DAYS: Final = 30
"""For how many days a bucket keeps what was deleted from it."""

_CLOSED: Final["PublicAccessBlockConfigurationTypeDef"] = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}

GONE_DAYS: Final = 1
"""The same of what is to be gone once it is deleted; S3 counts in days."""

_ONE_BY_ONE: Final = TransferConfig(use_threads=False)

_MISSING: Final = frozenset({"404", "NoSuchKey"})
_THERE: Final = frozenset({"412", "PreconditionFailed"})


@dataclass(frozen=True)
class Bucket:
    """Where objects are kept."""

    name: str
    prefix: str = ""
    """What all keys begin with, and a slash."""
    endpoint: str | None = None
    """The URL of what isn't AWS."""
    public: str | None = None
    """The URL by which people reach it, if it isn't that one."""
    region: str = REGION
    locked_days: int = 0
    """For how many days nobody can change or delete what is kept, whoever they are; 0 for a bucket without a lock."""
    gone_once_deleted: tuple[str, ...] = ()
    """What the keys begin with of objects that aren't to be brought back, unlike all others."""


def _forget(name: str, prefix: str, days: int) -> "LifecycleRuleTypeDef":
    """Return a rule to forget, so many days after it was deleted, what has keys with a prefix."""
    return {
        "ID": name,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "NoncurrentVersionExpiration": {"NoncurrentDays": days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }


class _Lock(TypedDict, total=False):
    ObjectLockMode: Literal["COMPLIANCE"]
    ObjectLockRetainUntilDate: datetime
    ChecksumAlgorithm: Literal["SHA256"]


class S3Store:
    """Objects of a bucket. Threads may share it."""

    def __init__(self, bucket: Bucket, key_id: str | None = None, key: str | None = None) -> None:
        """Without a key, AWS's own places are asked for one."""
        self._place, self._key = bucket, (key_id, key)
        self._bucket = bucket.name
        self._prefix = f"{bucket.prefix}/" if bucket.prefix else ""
        self._locked = timedelta(days=bucket.locked_days)
        self._client = _client(bucket, key_id, key)

    def prepare(self) -> None:
        """Create the bucket, if it isn't there; one that is there is left as it is.

        It is open to nobody, keeps what was deleted for a while, forgets parts of uploads that were never finished, and
        may lock what it keeps, which can be said only when it is created.
        """
        with self._explained():
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise
                self._create()

    def _create(self) -> None:
        self._client.create_bucket(Bucket=self._bucket, ObjectLockEnabledForBucket=bool(self._locked))
        self._client.put_public_access_block(Bucket=self._bucket, PublicAccessBlockConfiguration=_CLOSED)
        self._client.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"})
        rules = [_forget("botberi", "", DELETED_DAYS)]
        # Of two rules about an object, S3 goes by the one that forgets it first.
        rules += [_forget(f"botberi {each}", self._prefix + each, GONE_DAYS) for each in self._place.gone_once_deleted]
        self._client.put_bucket_lifecycle_configuration(Bucket=self._bucket, LifecycleConfiguration={"Rules": rules})

    def put(self, key: str, content: BinaryIO) -> bool:
        """Keep an object."""
        with self._explained():
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + key, Body=content, IfNoneMatch="*", **self._lock()
                )
            except ClientError as error:
                if _code(error) in _THERE:
                    return False
                raise
        return True

    def put_stream(self, key: str, content: BinaryIO) -> None:
        """Keep what there is to read, in as many parts as it takes."""
        with self._explained():
            self._client.upload_fileobj(content, self._bucket, self._prefix + key, Config=_ONE_BY_ONE)

    def link(self, key: str, *, name: str, content_type: str, seconds: int) -> str:
        """Return a URL that is signed, for which nothing is asked of S3: it may lead to nothing."""
        which = {"Bucket": self._bucket, "Key": self._prefix + key}
        how = {
            "ResponseContentDisposition": f'attachment; filename="{name}"',
            "ResponseContentType": content_type,
            "ResponseCacheControl": "no-store",
        }
        with self._explained():
            return self._public.generate_presigned_url("get_object", Params=which | how, ExpiresIn=seconds)

    def upload_link(self, key: str, *, content_type: str, length: int, sha256: str, seconds: int) -> base.Upload:
        """Return a URL that is signed together with the headers, for which nothing is asked of S3."""
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        asked = {
            "Bucket": self._bucket,
            "Key": self._prefix + key,
            "ContentType": content_type,
            "ContentLength": length,
            "ChecksumSHA256": checksum,
        }
        with self._explained():
            url = self._public.generate_presigned_url("put_object", Params=asked, ExpiresIn=seconds)
        headers = {"Content-Type": content_type, "Content-Length": str(length), "x-amz-checksum-sha256": checksum}
        return base.Upload(url, headers)

    @cached_property
    def _public(self) -> "S3Client":
        # A signature is of the name of the host, too.
        return _client(replace(self._place, endpoint=self._place.public or self._place.endpoint), *self._key)

    def _lock(self) -> "_Lock":
        if not self._locked:
            return {}
        return {
            "ObjectLockMode": "COMPLIANCE",
            "ObjectLockRetainUntilDate": datetime.now(UTC) + self._locked,
            # S3 wants one with whatever is locked.
            "ChecksumAlgorithm": "SHA256",
        }

    def get(self, key: str, into: BinaryIO, limit: int) -> None:
        """Write an object into a file."""
        with self._explained():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"]
            except ClientError as error:
                if _code(error) in _MISSING:
                    raise ObjectMissing(key) from None
                raise
            with body:
                base.copy(body, into, limit)

    def exists(self, key: str) -> bool:
        """Return whether there is an object under the key."""
        with self._explained():
            try:
                self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
            except ClientError as error:
                if _code(error) in _MISSING:
                    return False
                raise
        return True

    def keys(self, prefix: str = "", *, older_than: float = 0) -> Iterator[str]:
        """Yield the keys that begin with `prefix`."""
        until = datetime.now(UTC) - timedelta(seconds=older_than)
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for each in page.get("Contents", ()):
                    # S3 counts in whole seconds, by a clock of its own.
                    if not older_than or each["LastModified"] <= until:
                        yield each["Key"].removeprefix(self._prefix)

    def delete(self, key: str) -> None:
        """Take an object away, if it is there."""
        with self._explained():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"s3://{self._bucket}: {error}") from error


def _client(bucket: Bucket, key_id: str | None, key: str | None) -> "S3Client":
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # Otherwise links into some regions are signed in a way that is no more.
        signature_version="s3v4",
        # Only AWS gives each bucket a host of its own.
        s3={"addressing_style": "path" if bucket.endpoint else "virtual"},
        # What a store that isn't AWS may not know is left out where it isn't asked for.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        aws_access_key_id=key_id,
        aws_secret_access_key=key,
        config=config,
    )


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
