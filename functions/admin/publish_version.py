"""POST /v1/admin/agents/{slug}/versions: publish an immutable version of an agent."""

import base64
import binascii
from typing import Annotated, Final

from pydantic import Field, JsonValue

from functions.domain.api_errors import FieldError
from functions.domain.catalog import bundle_store, bundle_uploads, images, interfaces, releases
from functions.domain.catalog.agents import SLUG, AgentNotFound
from functions.domain.catalog.bundle_store import BundleStoreUnavailable
from functions.domain.catalog.bundle_uploads import BundleNotUploaded
from functions.domain.catalog.bundles import BundleInvalid
from functions.domain.catalog.config_schemas import ConfigSchemaInvalid
from functions.domain.catalog.interfaces import InterfaceInvalid
from functions.domain.catalog.releases import (
    IMAGE,
    Declared,
    Release,
    SourceAmbiguous,
    SourceUnsupported,
    VersionExists,
)
from functions.domain.catalog.versions import NUMBER, Channel
from functions.domain.databases import SharedDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import CatalogEditor
from functions.schemas.base import Body, Reply
from functions.schemas.bundles import BundleSha256

MAX_BODY: Final = 2 * 1024 * 1024
"""Bytes: a bundle of 1 MiB in base64, its schema and the rest."""


_EXAMPLE: Final = (
    "UEsDBBQAAAAAAAAAIQDK97bSTAAAAEwAAAAHAAAAbWFpbi5weWRlZiBhZ2VudChyZXF1ZXN0KToKICAgIHJldHVybiB7InRleHQiOiByZXF1ZX"
    "N0LmdldF9qc29uKClbInRleHQiXS51cHBlcigpfQpQSwECFAMUAAAAAAAAACEAyve20kwAAABMAAAABwAAAAAAAAAAAAAApIEAAAAAbWFpbi5w"
    "eVBLBQYAAAAAAQABADUAAABxAAAAAAA="
)
"""A main.py whose `agent` answers in capital letters."""


class NewVersion(Body):
    """The version: made of an `image` or of a `bundle`, one of the two."""

    number: Annotated[str, Field(pattern=NUMBER, max_length=64, description="Semantic version.", examples=["1.0.0"])]
    config_schema: Annotated[
        dict[str, object],
        Field(
            description="JSON Schema 2020-12 of an object, without remote or recursive references; `writeOnly` "
            "properties are secret.",
            examples=[{"type": "object", "properties": {"greeting": {"type": "string"}}}],
        ),
    ]
    image: Annotated[
        str | None,
        Field(
            pattern=IMAGE,
            max_length=255,
            description="OCI image that answers `POST /` as a bundle's `agent` does, and `GET /_/health` with 200, on "
            "the port that `PORT` says. Refused where the installation has no driver that runs images.",
        ),
    ] = None
    bundle: Annotated[
        str | None,
        Field(
            description="Base64 of a zip file of 1 MiB at most with a main.py that defines `agent`; lines are fine.",
            examples=[_EXAMPLE],
        ),
    ] = None
    bundle_sha256: Annotated[
        BundleSha256 | None,
        Field(description="Of a bundle that was put where `POST /v1/admin/bundle-uploads` says, in its place."),
    ] = None
    changelog: Annotated[str, Field(max_length=10_000, description="Markdown.")] = ""
    retries: Annotated[
        int,
        Field(
            ge=0,
            le=interfaces.MAX_RETRIES,
            description="How often a run is tried again that was lost or that failed: only what may be done twice.",
        ),
    ] = 0
    interface: Annotated[
        dict[str, JsonValue],
        Field(
            description="What it offers to clients of protocols: `skills`, `tools`, `prompts` and `resources`.",
            examples=[{"skills": [{"id": "shout", "name": "Shout", "description": "Says it in capital letters."}]}],
            default_factory=dict,
        ),
    ]
    channels: Annotated[
        list[Annotated[Channel, Field(strict=False)]] | None,
        Field(
            max_length=2,
            description="The channels that shall point at it from now on. Left out, it is `stable` for a version that "
            "is no pre-release and higher than what `stable` points at, and none otherwise.",
            examples=[["beta"]],
        ),
    ] = None


class VersionPublished(Reply):
    """The version that was published."""

    id: str
    number: str
    channels: list[Channel]


def check(version: NewVersion) -> Release:
    """Check the bundle and the schema, and keep the bundle."""
    return releases.checked(
        version.number,
        config_schema=version.config_schema,
        image=version.image,
        bundle=_bundle(version),
        declared=Declared(version.changelog, version.retries, version.interface),
    )


def _bundle(version: NewVersion) -> bytes | None:
    """Return the bundle that came with the request, or was uploaded before it; None if there is none."""
    if version.bundle_sha256 is None:
        return None if version.bundle is None else _decoded(version.bundle)
    if version.bundle is not None:
        raise SourceAmbiguous(errors=[FieldError("/bundle", "source_ambiguous", "Give a bundle or its SHA-256.")])
    return bundle_uploads.fetch(version.bundle_sha256)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BundleInvalid("It is not base64.") from None


@endpoint(
    "POST",
    "/v1/admin/agents/{slug}/versions",
    status=201,
    errors=(
        *(AgentNotFound, VersionExists, SourceAmbiguous, SourceUnsupported),
        *(BundleInvalid, BundleNotUploaded, BundleStoreUnavailable, ConfigSchemaInvalid, InterfaceInvalid),
    ),
    resources=Resources(
        memory="256Mi",
        group="function-publishing",
        settings=(bundle_store.SETTING, images.SETTING),
        secrets=bundle_store.SECRETS,
    ),
    max_body=MAX_BODY,
    prepare=check,
)
def publish_version(
    caller: CatalogEditor,
    slug: Annotated[str, Field(pattern=SLUG, examples=["echo"])],
    version: NewVersion,
    release: Release,
    db: SharedDb,
) -> VersionPublished:
    """Point the channels named at it from now on; running instances keep their version."""
    version_id, moved = releases.publish(db, slug, release, move=version.channels, published_by=caller.id)
    return VersionPublished(id=version_id, number=version.number, channels=moved)
