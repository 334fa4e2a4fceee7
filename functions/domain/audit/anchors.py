"""Anchors: what the chain was at a time, kept where whoever may rewrite a database can't rewrite it too.

An anchor covers the seals since the one before it, and names that one's hash, so that anchors are a chain themselves.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final, Self

FORM: Final = "botberi.audit.anchor.v1"


@dataclass(frozen=True)
class Anchor:
    """What an anchor says."""

    database: str
    number: int
    """From 1, without gaps."""
    first_seq: int
    last_seq: int
    tip: bytes
    """The chain's hash after the seal `last_seq`."""
    root: bytes
    """Of the Merkle tree over the hashes of the entries from `first_seq` to `last_seq`."""
    previous: bytes
    """The hash of the anchor before; of the first one, none."""
    at: str
    """When it was made, by ISO 8601."""

    def document(self) -> str:
        """Return it as it is kept: one line of JSON, whose members are sorted."""
        members = {
            "form": FORM,
            **{name: value for name, value in vars(self).items() if not isinstance(value, bytes)},
            **{name: getattr(self, name).hex() for name in ("tip", "root", "previous")},
        }
        return json.dumps(members, sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> bytes:
        """The hash of its document."""
        return hashlib.sha256(self.document().encode()).digest()

    @classmethod
    def of(cls, document: str) -> Self:
        """Return what a document says. Raises ValueError unless it is one of these to the last byte."""
        members = json.loads(document)
        if not isinstance(members, dict) or members.pop("form", None) != FORM:
            raise ValueError(f"not of the form {FORM}")
        hashes = {name: bytes.fromhex(str(members.get(name))) for name in ("tip", "root", "previous")}
        try:
            anchor = cls(**{**members, **hashes})
        except TypeError as error:
            raise ValueError(str(error)) from None
        if anchor.document() != document:
            raise ValueError("written otherwise than it would have been")
        return anchor


def key(database: str, number: int) -> str:
    """Return where a document is kept: by their keys, anchors of a database sort as they were made."""
    return f"{folder(database)}{number:012}.json"


def folder(database: str) -> str:
    """Return what the keys of all anchors of a database begin with."""
    return f"audit/{database}/"
