"""Stores of objects by their addresses, as settings have them.

`file:///folder` is a folder, `s3://bucket/prefix?region=eu-central-1` a bucket of AWS, and with
`&endpoint=https://host:port` one of whatever else speaks S3. `&public=https://host:port` is where people reach it, if
that is somewhere else.
"""

from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from core.configuration import OBJECT_STORE_KEY, MissingSettingError, secret
from core.object_store.base import ObjectStore
from core.object_store.folder import FolderStore

_OPTIONS: Final = frozenset({"endpoint", "public", "region"})


class NotAStoreError(ValueError):
    """The address is of no store that there is; the message says what an address looks like."""


def open_store(address: str, *, locked_days: int = 0, gone_once_deleted: tuple[str, ...] = ()) -> ObjectStore:
    """Return the store at an address; nothing is asked of it yet. Raises NotAStoreError.

    With `locked_days` it locks what it keeps for as long, in a bucket by Object Lock; in a folder it is made read-only.
    Of objects whose keys begin with one of `gone_once_deleted` a bucket that it prepares doesn't keep what was deleted.
    """
    url = urlsplit(address)
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    if url.scheme == "file" and not url.netloc and url.path.startswith("/") and not url.query:
        return FolderStore(Path(unquote(url.path)), locked=locked_days > 0)
    if url.scheme == "s3" and url.netloc and options.keys() <= _OPTIONS and all(options.values()):
        # Imported where it is used: it takes a second.
        from core.object_store.s3 import REGION, Bucket, S3Store

        bucket = Bucket(
            url.netloc,
            url.path.strip("/"),
            endpoint=options.get("endpoint"),
            public=options.get("public"),
            region=options.get("region", REGION),
            locked_days=locked_days,
            gone_once_deleted=gone_once_deleted,
        )
        return S3Store(bucket, *_key())
    raise NotAStoreError(
        f"{address!r} is no store: give file:///folder, or s3://bucket/prefix?region=…&endpoint=…&public=…, of which "
        "the last four may be left out"
    )


def _key() -> tuple[str, str] | tuple[()]:
    try:
        text = secret(OBJECT_STORE_KEY).strip()
    except MissingSettingError:
        text = ""
    if not text:
        return ()
    key_id, space, key = text.partition(" ")
    if not space:
        raise NotAStoreError(f"the secret {OBJECT_STORE_KEY} isn't an id and a key with a space in between")
    return key_id, key.strip()
