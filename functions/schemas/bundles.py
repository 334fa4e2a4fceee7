"""Bundles as endpoints speak of them."""

from typing import Annotated

from pydantic import Field

from functions.domain.catalog.bundle_uploads import SHA256

BundleSha256 = Annotated[str, Field(pattern=SHA256, description="Of the zip file, in hex.", examples=["0" * 64])]
