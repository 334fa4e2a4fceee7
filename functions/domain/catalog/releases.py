"""Releases: what becomes a version of an agent, checked, and its publication."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue
from sqlalchemy.dialects.postgresql import insert

from core.ids import new_id
from events.catalog.agents import VersionPublished
from events.outbox import emit
from functions.domain.api_errors import Conflict, FieldError, Invalid
from functions.domain.catalog import (
    bundle_collection,
    bundle_store,
    bundles,
    channels,
    config_schemas,
    images,
    interfaces,
)
from functions.domain.catalog.channels import Place
from functions.domain.catalog.versions import Channel, is_preview, precedence
from functions.domain.databases import SharedDb
from functions.domain.json_schemas import Json
from shared_psql_models.agents import agent_versions

IMAGE: Final = (
    r"^[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)
"""An OCI image reference."""


class VersionExists(Conflict):
    """This version was published before, perhaps in another build, and never changes: publish the next number."""


class SourceAmbiguous(Invalid):
    """A version is made of an image or of a bundle: give exactly one of the two."""


class SourceUnsupported(Invalid):
    """Nothing here runs images: send a bundle, or ask whoever operates this installation to choose a driver."""


@dataclass(frozen=True)
class Declared:
    """What a version says of itself."""

    changelog: str = ""
    retries: int = 0
    """How often a run is tried again that was lost or that failed."""
    interface: Mapping[str, JsonValue] = field(default_factory=dict)
    """What it offers to clients of protocols: see `interfaces`."""


@dataclass(frozen=True)
class Release:
    """What a version consists of, checked."""

    number: str
    config_schema: Mapping[str, object]
    image: str | None = None
    bundle_sha256: str | None = None
    """Of the bundle, which is in the store."""
    declared: Declared = Declared()


def checked(
    number: str,
    *,
    config_schema: dict[str, Json],
    image: str | None = None,
    bundle: bytes | None = None,
    declared: Declared | None = None,
) -> Release:
    """Return what is to be published, checked, its bundle in the store: call it with no transaction open.

    `bundle` is a zip file, `image` an OCI reference. A bundle that is kept and not published is collected some day.
    Raises SourceAmbiguous, SourceUnsupported if nothing runs images, BundleInvalid, ConfigSchemaInvalid,
    InterfaceInvalid and BundleStoreUnavailable.
    """
    if (image is None) == (bundle is None):
        raise SourceAmbiguous(errors=[FieldError("/image", "source_ambiguous", "Give either an image or a bundle.")])
    if bundle is None and not images.run_here():
        raise SourceUnsupported(errors=[FieldError("/image", "source_unsupported", SourceUnsupported.message())])
    config_schemas.check(config_schema)
    declared = declared or Declared()
    interfaces.check(dict(declared.interface))
    if bundle is None:
        return Release(number, config_schema, image=image, declared=declared)
    bundles.check(bundle)
    return Release(number, config_schema, bundle_sha256=bundle_store.keep(bundle), declared=declared)


def publish(
    db: SharedDb,
    slug: str,
    version: Release,
    *,
    move: Sequence[Channel] | None = None,
    published_by: str = "system",
) -> tuple[str, list[Channel]]:
    """Publish a version, point the channels `move` at it, and return its id and these channels.

    Unless `move` says which, stable moves to it if it is no pre-release and higher than what stable points at: so
    neither a fix of an older line nor a preview becomes what people get. Raises AgentNotFound, VersionExists and
    BundleStoreUnavailable.
    """
    agent_id = channels.locked(db, slug)
    row = {
        "id": new_id("ver"),
        "agent_id": agent_id,
        "number": version.number,
        "config_schema": version.config_schema,
        "image": version.image,
        "bundle_sha256": version.bundle_sha256,
        **vars(version.declared),
        "published_by": published_by,
    }
    if version.bundle_sha256 is not None:
        bundle_collection.hold(db, version.bundle_sha256)
    _add(db, row)
    moved = sorted(set(_by_default(db, slug, version.number) if move is None else move))
    emit(
        db,
        VersionPublished(agent_id=agent_id, version_id=row["id"], slug=slug, number=version.number, channels=moved),
    )
    for channel in moved:
        channels.publish(db, Place(slug, channel), version.number)
    return str(row["id"]), moved


def _by_default(db: SharedDb, slug: str, number: str) -> list[Channel]:
    present = channels.read(db, Place(slug, Channel.STABLE)).version
    higher = present is None or precedence(number) > precedence(present)
    return [Channel.STABLE] if higher and not is_preview(number) else []


def _add(db: SharedDb, version: Mapping[str, object]) -> None:
    added = insert(agent_versions).values(version).on_conflict_do_nothing().returning(agent_versions.c.id)
    if db.scalar(added) is None:
        raise VersionExists
